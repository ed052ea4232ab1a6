"""What can be chosen about the embedded stack: environment names ``ONENET_LOCAL_…``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from onenet_common.settings import Settings
from onenet_local.issuer.accounts import DEFAULT


def default_data() -> Path:
    """``.onenet`` in the source tree, or in the working directory for an installed package."""
    tree = Path(__file__).resolve().parents[3]
    return (tree if (tree / "pyproject.toml").exists() else Path.cwd()) / ".onenet"


class LocalSettings(Settings):
    """The embedded stack's settings; a port of 0 is a free one, chosen at each start.

    Args:
        local_data: the folder of everything that is kept, logs included.
        local_fsync: whether committed data survives a crash of the whole machine.
        local_accounts: who can sign in, a YAML file.
        local_broker: the embedded broker, or Apache Kafka, which needs a JDK and once Maven.
        local_kafka: ``host:port`` of an Apache Kafka that runs already; no broker is started then.
        local_traffic: observations a second of made-up traffic beside ``up``; 0 is none.
        local_database: URL of a PostgreSQL that runs already, password included; none is started then.
    """

    local_data: Path = Field(default_factory=default_data)
    local_fsync: bool = True
    local_accounts: Path = DEFAULT
    local_broker: Literal["tansu", "apache"] = "tansu"
    local_kafka: str | None = Field(default=None, pattern=r"^[^:\s]+:\d+$")
    local_database: SecretStr | None = None
    local_traffic: int = Field(default=20, ge=0, le=10_000)
    local_postgres_port: int = Field(default=0, ge=0, le=65535)
    local_broker_port: int = Field(default=0, ge=0, le=65535)
    local_cloud_port: int = Field(default=0, ge=0, le=65535)
    local_issuer_port: int = Field(default=0, ge=0, le=65535)
    local_api_port: int = Field(default=0, ge=0, le=65535)

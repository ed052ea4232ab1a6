"""OneNet's services as this machine runs them: which processes there are, and what each is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onenet_local.probes import HOST, answers
from onenet_local.processes import Process, Program

Environment = Mapping[str, str]

HUB_ACCOUNT = "999999999999"
"""OneNet's own account in the local cloud, whose users providers' roles trust. Written again here,
since importing it from there takes a second."""

KEY_OF_NO_SECRETS = "bG9jYWwgc3RhY2ssIG5vIHNlY3JldHMgaW4gaGVyZSE="
"""What webhooks' secrets are sealed with on this machine: known to everybody, fit for nothing else."""

REGION = "eu-central-1"

FLOW_LOGS = "onenet-flow-logs"
"""The bucket that flow logs are delivered to, and the queue that tells of its files."""

STOP_TIMEOUT = 20.0
"""Seconds until a service that was asked to end is killed: it drains for nine, and a busy machine takes
some more to take its process apart."""

MACHINE = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
SHARED = (
    "ONENET_LOG_LEVEL",
    "ONENET_OTLP_ENDPOINT",
    "ONENET_KAFKA_SESSION_TIMEOUT",
    "ONENET_KAFKA_FETCH_WAIT",
)
"""What a service inherits, besides the settings that have its own prefix."""


@dataclass(frozen=True)
class Addresses:
    """Where everything is, or would be for what was not chosen to run.

    ``database`` holds the password; ``operations`` has ``/readyz`` and ``/metrics`` by process name;
    ``kafka_clients`` is what clients of this broker must be told besides its address; ``flow_logs`` is the
    bucket that flow logs are to be delivered to, where there is one.
    """

    database: str
    kafka: str
    cloud: str
    issuer: str
    api: str
    operations: Mapping[str, str] = field(default_factory=dict)
    kafka_clients: Environment = field(default_factory=dict)
    flow_logs: str = ""


@dataclass(frozen=True)
class Service:
    """One of the services.

    Args:
        name: one word.
        command: the console script after ``onenet-``, and what it is told; the name by default. The
            script's word is in the names of its settings.
        told: what it alone is told, given its own address and everybody's.
        has_database: whether it may know the database.
    """

    name: str
    told: Callable[[Addresses], Environment]
    has_database: bool = True
    command: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """How it is run."""
        word, *arguments = self.command or (self.name,)
        return (f"onenet-{word}", *arguments)

    @property
    def script(self) -> str:
        """The console script beside this Python."""
        return str(Path(sys.executable).with_name(self.words[0]))

    @property
    def prefix(self) -> str:
        """Of its own settings."""
        return f"ONENET_{(self.command or (self.name,))[0].upper()}_"


def _api(where: Addresses) -> Environment:
    return {
        "ONENET_API_HOST": HOST,
        "ONENET_API_OIDC_ISSUER": where.issuer,
        "ONENET_API_OIDC_TYP": "at+jwt",
        "ONENET_API_AWS_ACCOUNT": HUB_ACCOUNT,
        "ONENET_API_SECRETS_KEYS": KEY_OF_NO_SECRETS,
        "ONENET_API_WEBHOOKS_LOOPBACK": "true",
    }


CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": f"LOCAL{HUB_ACCOUNT}",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""OneNet's own in the local cloud; those of this machine's user must not be found."""


def _provisioner(where: Addresses) -> Environment:
    """It alone holds credentials that change clouds."""
    bucket = (
        {"ONENET_PROVISIONER_AWS_FLOW_LOGS_BUCKET": f"arn:aws:s3:::{where.flow_logs}"}
        if where.flow_logs
        else {}
    )
    return {"ONENET_PROVISIONER_AWS_ENDPOINT_URL": where.cloud, **bucket, **CREDENTIALS}


def _collector(where: Addresses) -> Environment:
    """It reads the queue and the files of a bucket that is there when ``where.flow_logs`` says so."""
    return {
        "ONENET_COLLECTOR_QUEUE_URL": f"{where.cloud}/{HUB_ACCOUNT}/{FLOW_LOGS}",
        "ONENET_COLLECTOR_AWS_REGION": REGION,
        "ONENET_COLLECTOR_AWS_ENDPOINT_URL": where.cloud,
        **CREDENTIALS,
    }


def _nothing(where: Addresses) -> Environment:
    return {}


SERVICES = (
    Service("api", _api),
    Service("evaluator", _nothing, has_database=False),
    Service("provisioner", _provisioner),
    Service("monitor", _nothing),
    Service("flows", _nothing, command=("monitor", "flows")),
)

COLLECTOR = Service("collector", _collector)
"""In no stack but one that asks for it: most have no files of AWS's to take in."""


def environment(service: Service, where: Addresses, inherited: Environment) -> dict[str, str]:
    """All that a service is told, later ones first: addresses, the user's settings, defaults."""
    kept = {
        name: value
        for name, value in inherited.items()
        if name in MACHINE or name in SHARED or name.startswith(service.prefix)
    }
    database = {"ONENET_DATABASE_URL": where.database} if service.has_database else {}
    defaults = {"ONENET_OPS_HOST": HOST, **where.kafka_clients}
    return {**defaults, **kept, "ONENET_KAFKA": where.kafka, **database, **service.told(where)}


def process(service: Service, number: int, folder: Path, told: Environment, *, port: int) -> Process:
    """One process of a service.

    Args:
        number: 1, or more for further replicas.
        port: of its operations endpoint.
    """
    name = service.name if number == 1 else f"{service.name}-{number}"
    return Process(
        Program(
            name=name,
            command=(service.script, *service.words[1:]),
            environment={**told, "ONENET_OPS_PORT": str(port)},
            log=folder / "logs" / f"{name}.log",
            ready=answers(port, "/readyz"),
            stop_timeout=STOP_TIMEOUT,
        )
    )

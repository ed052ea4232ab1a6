"""Settings from the environment, the same way for every service.

Names that every service shares start with ``ONENET_``, a service's own with its prefix, such as
``ONENET_API_``. A name that nobody knows stops the start, since a misspelt setting is silently a
default otherwise.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict

from onenet_common import postgres_address
from onenet_common.kafka_settings import PREFIX, KafkaSettings

OWNERS = ("API", "EVALUATOR", "PROVISIONER", "MONITOR", "COLLECTOR", "CLIENT", "LOCAL", "TEST")
"""First words of names that belong to one program; each program checks its own."""


class Settings(KafkaSettings):
    """What every service needs, and how to reach Kafka; a service adds its own in a subclass with aliases.

    Args:
        database_url: ``postgresql://user:password@host:port/database``, and with
            ``?sslmode=verify-full&sslrootcert=…`` over TLS; see the README beside.
        migrate: bring the service's schema up to date at start; otherwise ``onenet-<service> migrate``
            does, and the start waits for it.
        otlp_endpoint: where traces go (OTLP over HTTP), such as ``http://otel-collector:4318``.
        trace_ratio: the share of traces that is recorded; a caller's decision, in its
            ``traceparent``, goes before it.
        ops_host, ops_port: where ``/healthz``, ``/readyz`` and ``/metrics`` are served.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    database_url: SecretStr = SecretStr("postgresql://onenet@127.0.0.1:5432/onenet")
    migrate: bool = True
    otlp_endpoint: str | None = None
    trace_ratio: float = Field(default=1.0, ge=0, le=1)
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    ops_host: str = "127.0.0.1"
    ops_port: int = Field(default=0, ge=0, le=65535)

    @field_validator("database_url")
    @classmethod
    def _leads_to_a_database(cls, url: SecretStr) -> SecretStr:
        postgres_address.check(url.get_secret_value())
        return url


S = TypeVar("S", bound=Settings)


def load(settings: type[S], owner: str) -> S:
    """Read and check the environment, or end the process with exit code 2 and what is wrong.

    Args:
        settings: the class to fill.
        owner: the program's word in its own names, such as ``API``.
    """
    problems = list(unknown_names(os.environ, known_names(settings), owner))
    try:
        loaded = settings()
    except ValidationError as error:
        problems += [_explain(problem, settings) for problem in error.errors()]
    if problems:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        sys.exit(2)
    return loaded


def known_names(settings: type[Settings]) -> list[str]:
    """The environment's names that a settings class reads."""
    return [_variable(settings, name) for name in settings.model_fields]


def unknown_names(environment: Iterable[str], known: list[str], owner: str) -> Iterable[str]:
    """A sentence for every ``ONENET_`` name that nobody reads, with the nearest known one."""
    others = tuple(f"ONENET_{word}_" for word in OWNERS if word != owner)
    for name in sorted(environment):
        if not name.startswith("ONENET_") or name in known or name.startswith(others):
            continue
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(sorted(known))}"
        yield f"{name}: no such setting; {hint}"


def _variable(settings: type[Settings], field: str) -> str:
    alias = settings.model_fields[field].validation_alias
    return str(alias) if alias is not None else f"ONENET_{field.upper()}"


def _explain(problem: Any, settings: type[Settings]) -> str:
    if not problem["loc"]:
        return str(problem["msg"]).removeprefix("Value error, ")
    place = str(problem["loc"][0])
    for field, info in settings.model_fields.items():
        name = _variable(settings, field)
        if place in (field, name):
            if problem["type"] == "missing":
                # Its input is everything else that was set, secrets included.
                return f"{name}: is missing; it has no default"
            shown = "" if "SecretStr" in str(info.annotation) else f" {problem['input']!r}"
            return f"{name}:{shown} is not valid: {problem['msg'].removeprefix('Value error, ')}"
    return f"{place}: {problem['msg']}"

"""The parts of a stack, wired: which processes, on which ports, told what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from onenet_local import broker as brokers
from onenet_local.cloud_process import CloudProcess
from onenet_local.issuer.process import Issuer
from onenet_local.postgres import Postgres, RunningPostgres
from onenet_local.probes import HOST, free_port
from onenet_local.processes import Process
from onenet_local.services import (
    COLLECTOR,
    FLOW_LOGS,
    REGION,
    SERVICES,
    Addresses,
    Environment,
    Service,
    environment,
    process,
)
from onenet_local.settings import LocalSettings
from onenet_local.supervisor import Part
from onenet_local.traffic_process import TrafficProcess

INFRASTRUCTURE = ("postgres", "broker", "cloud", "issuer")
ALL = (*INFRASTRUCTURE, *(service.name for service in SERVICES))
TRAFFIC = "traffic"
"""Made up, and so in no stack but one that asks for it."""
ON_REQUEST = (COLLECTOR.name, TRAFFIC)
BEFORE_SERVICES = frozenset({"postgres", "broker"})


def to_look_at(settings: LocalSettings) -> tuple[str, ...]:
    """Everything that there is, for somebody who looks at it."""
    return (*ALL, COLLECTOR.name, *((TRAFFIC,) if settings.local_traffic else ()))


@dataclass(frozen=True)
class Choice:
    """What to run, and how it differs from the usual.

    Args:
        only: names out of ``ALL`` and ``ON_REQUEST``; what a part needs must be among them or elsewhere.
        replicas: how many processes a service has, by its name; 1 when absent.
        environment: further variables by service name, which win over all others.
    """

    only: Collection[str] = ALL
    replicas: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, Environment] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = {*self.only, *self.replicas, *self.environment} - {*ALL, *ON_REQUEST}
        if unknown:
            there = ", ".join((*ALL, *ON_REQUEST))
            raise ValueError(f"no such part: {', '.join(sorted(unknown))}; there are {there}")


@dataclass(frozen=True)
class Parts:
    """Every process by name, and where they are."""

    by_name: Mapping[str, Part]
    addresses: Addresses


def build(folder: Path, settings: LocalSettings, choice: Choice, inherited: Environment) -> Parts:
    """Choose ports and wire everything; nothing runs yet."""
    postgres = _postgres(folder, settings)
    broker = brokers.choose(folder, settings)
    delivered = COLLECTOR.name in choice.only
    cloud = CloudProcess(
        folder,
        port=settings.local_cloud_port or None,
        flow_logs=(FLOW_LOGS, REGION) if delivered else None,
    )
    issuer = Issuer(folder, port=settings.local_issuer_port or None, accounts=settings.local_accounts)
    api_port = settings.local_api_port or free_port()
    where = Addresses(
        database=postgres.url,
        kafka=broker.address,
        cloud=cloud.url,
        issuer=issuer.url,
        api=f"http://{HOST}:{api_port}",
        kafka_clients=broker.CLIENTS,
        flow_logs=FLOW_LOGS if delivered else "",
    )
    infrastructure = dict(zip(INFRASTRUCTURE, (postgres, broker, cloud, issuer), strict=True))
    parts = {
        name: Part(child)
        for name, child in infrastructure.items()
        if name in choice.only and isinstance(child, Process)
    }
    needs = BEFORE_SERVICES & parts.keys()
    operations: dict[str, str] = {}
    for service, child, port in _services(folder, where, choice, inherited):
        parts[child.name] = _after_all(child, parts) if service is COLLECTOR else Part(child, needs)
        operations[child.name] = f"http://{HOST}:{port}"
    if TRAFFIC in choice.only:
        parts[TRAFFIC] = _after_all(TrafficProcess(folder, where, settings.local_traffic), parts)
    return Parts(parts, replace(where, operations=operations))


def _after_all(child: Process, parts: Mapping[str, Part]) -> Part:
    """One that nobody's start should wait for."""
    return Part(child, frozenset(parts), awaited=False)


def _postgres(folder: Path, settings: LocalSettings) -> Postgres | RunningPostgres:
    if settings.local_database is not None:
        return RunningPostgres(settings.local_database.get_secret_value())
    server = Postgres(folder, port=settings.local_postgres_port or None, fsync=settings.local_fsync)
    server.make_home()
    return server


def _services(
    folder: Path, where: Addresses, choice: Choice, inherited: Environment
) -> Iterator[tuple[Service, Process, int]]:
    """Every process of every chosen service, with the port of its operations endpoint."""
    for service in (*SERVICES, COLLECTOR):
        if service.name not in choice.only:
            continue
        told = environment(service, where, inherited)
        for number in range(1, choice.replicas.get(service.name, 1) + 1):
            own = {**told, **_public_port(service, number, where), **choice.environment.get(service.name, {})}
            port = free_port()
            yield service, process(service, number, folder, own, port=port), port


def _public_port(service: Service, number: int, where: Addresses) -> Environment:
    """The API alone is public; its replicas listen on ports of their own."""
    if service.name != "api":
        return {}
    return {"ONENET_API_PORT": where.api.rpartition(":")[2] if number == 1 else str(free_port())}

"""Providers and networks brought up to the newest word on each that the topic keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from onenet_api.resources import inventory
from onenet_common.connection import Provider, Resource
from onenet_common.database import Connection, Database
from onenet_common.envelope import Message
from onenet_common.events import (
    INVENTORY,
    Event,
    ProviderDiscoveryRequested,
    ProviderRegistered,
    ProviderRemoved,
    ProviderStatusEvent,
    ResourceChanged,
    ResourceDiscovered,
    ResourceEvent,
)
from onenet_common.past import Past
from onenet_common.replaying import Findings, Options

_PROVIDERS = (
    "SELECT id, version, status, status_reason, discovered_at, announced, asked_at FROM providers ORDER BY id"
)
_RESOURCES = "SELECT id, snapshot, state, discovered_at FROM resources WHERE id = ANY($1)"
_LEAVING = "SELECT key FROM outbox WHERE topic = $1 AND headers ->> 'ce_type' = $2"
_REGISTER = """
INSERT INTO providers (id, service, name, provider_type, account, region, role_arn, external_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


@dataclass
class Words:
    """The newest word on each thing.

    Args:
        providers: as they were registered; None for those that were removed.
    """

    providers: dict[UUID, Provider | None] = field(default_factory=dict)
    statuses: dict[UUID, ProviderStatusEvent] = field(default_factory=dict)
    resources: dict[UUID, ResourceEvent] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        match event:
            case ProviderRegistered() | ProviderDiscoveryRequested():
                self.providers[event.provider_id] = event.provider
            case ProviderRemoved():
                self.providers[event.provider_id] = None
            case ProviderStatusEvent():
                self.statuses[event.provider_id] = event
            case ResourceEvent():
                before = self.resources.get(event.resource_id)
                if before is None or before.at <= event.at:
                    self.resources[event.resource_id] = event


async def replay(past: Past, topic: str, database: Database, findings: Findings, options: Options) -> None:
    """Compare what is known of providers and networks with the topic, and write what differs.

    Connections on a network whose addresses are news here are treated as by the news itself.
    """
    async with database.acquire() as connection:
        before = {row["id"]: row["version"] for row in await connection.fetch(_PROVIDERS)}
        leaving = {row["key"] for row in await connection.fetch(_LEAVING, INVENTORY, ProviderRemoved.type)}
        words = await _read(past, topic, connection)
    lost = [
        provider
        for one, provider in words.providers.items()
        if provider is not None and one not in before and str(one) not in leaving
    ]
    async with database.transaction() as connection:
        known = {row["id"]: row for row in await connection.fetch(f"{_PROVIDERS} FOR UPDATE")}
        lost = [provider for provider in lost if provider.id not in known]
        registered = await _register(connection, lost, findings, options)
        same = {one: row for one, row in known.items() if row["version"] == before.get(one)}
        news = [
            *_statuses(same, words, findings),
            *await _resources(connection, words, known.keys() | registered, findings),
        ]
        if not options.dry_run:
            await inventory.project([Message.of(event) for event in news], connection)


async def _read(past: Past, topic: str, connection: Connection) -> Words:
    """Our own events count when they were written, others' when they were handled."""
    words = Words()
    await past.look_up_committed()
    async for batch in past.read(topic):
        handled = {told.message.id for told in await past.handled(batch, connection)}
        for message in (told.message for told in batch):
            if message.event.producer == "onenet-api" or message.id in handled:
                words.take(message.event)
    return words


async def _register(
    connection: Connection, lost: Sequence[Provider], findings: Findings, options: Options
) -> set[UUID]:
    """Register providers as they were registered before; the sweeper has them looked at."""
    services = {row["id"] for row in await connection.fetch("SELECT id FROM services")}
    registered = set()
    for one in lost:
        if one.service not in services:
            findings.left.append(f"provider {one.id}: of service {one.service}, which is not known here")
            continue
        if not options.restored:
            findings.left.append(f"provider {one.id}: not known here; after a restore, use --restored")
            continue
        findings.differences.append(f"provider {one.id} is not known here: {one.name}")
        registered.add(one.id)
        if not options.dry_run:
            access = (one.account, one.region, one.role_arn, one.external_id)
            await connection.execute(_REGISTER, one.id, one.service, one.name, one.provider_type, *access)
    return registered


def _statuses(rows: Mapping[UUID, asyncpg.Record], words: Words, findings: Findings) -> Iterator[Event]:
    for one, row in rows.items():
        status = words.statuses.get(one)
        # An older look answers no newer question.
        if status is None or status.at < row["asked_at"] or status.at < (row["discovered_at"] or status.at):
            continue
        [told] = inventory.newest_statuses([status])
        listed = told.get("announced", row["announced"])
        if (row["status"], row["status_reason"], row["announced"]) != (
            told["status"],
            told.get("reason"),
            listed,
        ):
            findings.differences.append(f"provider {one} is {row['status']}, by the topic {told['status']}")
            yield status


async def _resources(
    connection: Connection, words: Words, providers: Set[UUID], findings: Findings
) -> list[Event]:
    rows = {row["id"]: row for row in await connection.fetch(_RESOURCES, list(words.resources))}
    news: list[Event] = []
    for one, event in words.resources.items():
        if words_on := _lacking(rows.get(one), event, providers):
            findings.differences.append(f"resource {one} {words_on}")
            news.append(event)
    return news


def _lacking(row: asyncpg.Record | None, event: ResourceEvent, providers: Set[UUID]) -> str:
    """What is to be said of a resource's row; nothing when it is as told, or newer."""
    told = event.resource if isinstance(event, ResourceDiscovered | ResourceChanged) else None
    if row is None:
        return "is not known here" if told is not None and told.provider in providers else ""
    if row["discovered_at"] > event.at:
        return ""
    if (row["state"] == "PRESENT") != (told is not None):
        return f"is {row['state']} here"
    if told is not None and Resource.model_validate(row["snapshot"]) != told:
        return "is another here"
    return ""

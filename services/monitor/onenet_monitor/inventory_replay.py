"""What flows are attributed by and findings are drawn from, rebuilt from the topics beside a running monitor.

The handlers themselves fold, on temporary tables that stand before the real ones: what the monitor's group
has handled is handled once more, and what differs is written. Until the inbox is locked, at the end, the
monitor goes on.

Networks: their topic keeps the last event of each for ever, and all of the last day. What was before the
first event at hand stays as it is stored. Connections: one whose beginning is told is as told and nothing
else; the others are as stored, with what they have not had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from onenet_common.database import Connection, Database
from onenet_common.envelope import Message
from onenet_common.events import CONNECTIONS, INVENTORY, ConnectionEvent, ResourceEvent
from onenet_common.kafka_settings import KafkaSettings
from onenet_common.past import Past, Say, opened
from onenet_common.replaying import Findings, Options, Rebuild
from onenet_monitor.findings import knowledge
from onenet_monitor.flows import inventory, inventory_store
from onenet_monitor.rebuilding import begins


class _Table(NamedTuple):
    """A table that is rebuilt; ``kept`` are its columns that events decide on."""

    name: str
    key: str
    words: str
    kept: str


_NETWORKS = (
    _Table(
        "networks",
        "resource_id",
        "had which addresses when",
        "resource_id, valid_from, valid_until, provider, account, native_id, subnets, public_addresses",
    ),
    _Table("network_names", "resource_id", "has which name", "resource_id, name"),
)
_LINKS = (
    _Table(
        "link_ends",
        "connection_id",
        "joins which networks",
        "connection_id, generation, resource_left, resource_right, since, ctype",
    ),
    _Table(
        "links",
        "connection_id",
        "carried when",
        "connection_id, valid_from, valid_until, resource_left, resource_right, ctype",
    ),
    _Table(
        "path_terms",
        "connection_id",
        "was chosen on which terms",
        "connection_id, generation, name, l4filters, monthly_gb, encrypted, bandwidth_mbps, "
        "price_per_gb_usd, monthly_fixed_usd",
    ),
)
_TABLES = (*_NETWORKS, *_LINKS)

# What is known of the time before the first event at hand, as it was known then.
_BEFORE = """
INSERT INTO pg_temp.networks
SELECT n.* FROM {schema}.networks n JOIN unnest($1::uuid[], $2::timestamptz[]) AS first (resource_id, at)
    USING (resource_id) WHERE n.valid_from < first.at
"""
_STILL = """
UPDATE pg_temp.networks n SET valid_until = NULL
FROM unnest($1::uuid[], $2::timestamptz[]) AS first (resource_id, at)
WHERE n.resource_id = first.resource_id AND n.valid_until > first.at
"""
_RAISE_VERSION = """
INSERT INTO {schema}.inventory_version (one, version) VALUES (true, 1)
ON CONFLICT (one) DO UPDATE SET version = inventory_version.version + 1
"""


def rebuilding_inventory(
    settings: Callable[[], KafkaSettings], group: str, topics: tuple[str, str] = (CONNECTIONS, INVENTORY)
) -> Rebuild:
    """The command's work on the inventory.

    Args:
        group: the consumer group that follows both topics, and its name in the inbox.
        topics: of the life of connections, and of networks.
    """

    async def rebuild(database: Database, options: Options, say: Say) -> Findings:
        async with (
            opened(settings(), topics, say=say, group=group) as past,
            database.transaction() as connection,
        ):
            again = _Again(past, connection, f'"{database.schema}"')
            await again.begin()
            for topic in topics:
                await again.go_on(topic, to_the_end=False)
            await connection.execute("LOCK TABLE inbox IN EXCLUSIVE MODE")
            for topic in topics:
                await again.go_on(topic, to_the_end=True)
            differences = await again.replace(dry_run=options.dry_run)
            return Findings(differences, unreadable=past.unreadable)

    return rebuild


@dataclass
class _Again:
    """The handlers' work done once more, in one transaction.

    Args:
        schema: the monitor's, quoted.
    """

    past: Past
    connection: Connection
    schema: str
    _networks: set[UUID] = field(default_factory=set)
    _begun: set[UUID] = field(default_factory=set)
    _older: dict[UUID, list[Message]] = field(default_factory=dict)
    """What the connections have not had whose beginning is not told."""

    async def begin(self) -> None:
        for name in (*(table.name for table in _TABLES), "inventory_version"):
            await self.connection.execute(
                f"CREATE TEMPORARY TABLE {name} (LIKE {self.schema}.{name} INCLUDING ALL) ON COMMIT DROP"
            )
        # A statement that this session has prepared before means the real tables.
        await self.connection.execute("DISCARD PLANS")

    async def go_on(self, topic: str, *, to_the_end: bool) -> None:
        """Fold what is handled, on from where it was left; see ``replay`` for the two times."""
        await self.past.look_up_committed()
        async for batch in self.past.read(topic):
            handled = await self.past.handled(batch, self.connection)
            if not to_the_end:
                handled = self.past.without_gaps(batch, handled)
            messages = [told.message for told in handled if told.message.event.type in inventory.HANDLED]
            await self._meet(messages)
            await self._fold(await self._of_those_begun(messages))

    async def _meet(self, messages: Sequence[Message]) -> None:
        """Begin with what is stored of networks from before their first event."""
        first: dict[UUID, datetime] = {}
        for message in messages:
            if isinstance(message.event, ResourceEvent) and message.event.resource_id not in self._networks:
                first.setdefault(message.event.resource_id, message.event.at)
        self._networks |= first.keys()
        await self._seed(_NETWORKS[1:], list(first))
        for statement in (_BEFORE.format(schema=self.schema), _STILL):
            await self.connection.execute(statement, list(first), list(first.values()))

    async def _of_those_begun(self, messages: Sequence[Message]) -> list[Message]:
        """Messages to be folded now; those of older connections wait for what is stored at the end."""
        had = await self.past.in_inbox(messages, self.connection)
        now = []
        for message in messages:
            event = message.event
            if isinstance(event, ConnectionEvent):
                one = event.connection_id
                if one not in self._older and begins(message):
                    self._begun.add(one)
                if one not in self._begun:
                    self._older.setdefault(one, []).extend([] if message.id in had else [message])
                    continue
            now.append(message)
        return now

    async def _fold(self, messages: Sequence[Message]) -> None:
        if messages:
            await inventory_store.follow(messages, self.connection)
            await knowledge.learn(messages, self.connection)

    async def replace(self, *, dry_run: bool) -> list[str]:
        """Write what differs, and say what that is."""
        await self._seed(_LINKS, list(self._older))
        missed = [message for messages in self._older.values() for message in messages]
        await self._fold(missed)
        for gone in inventory_store.PAST:
            await self.connection.execute(
                f"DELETE FROM pg_temp.{gone.table} WHERE ({gone.only}) "
                f"AND {gone.since} < now() - make_interval(days => {gone.days})"
            )
        told = [(_NETWORKS, self._networks), (_LINKS, self._begun | self._older.keys())]
        differences = [
            (table, one)
            for tables, ids in told
            for table in tables
            for one in await self._differing(table, sorted(ids))
        ]
        if differences and not dry_run:
            for table in _TABLES:
                await self._write(table, [one for differing, one in differences if differing == table])
            await self.connection.execute(_RAISE_VERSION.format(schema=self.schema))
        return [f"{one}: {table.words} is not as told" for table, one in differences]

    async def _seed(self, tables: Sequence[_Table], ids: list[UUID]) -> None:
        for table in tables:
            await self.connection.execute(
                f"INSERT INTO pg_temp.{table.name} SELECT * FROM {self.schema}.{table.name} "
                f"WHERE {table.key} = ANY($1)",
                ids,
            )

    async def _differing(self, table: _Table, ids: list[UUID]) -> list[UUID]:
        rows = await self.connection.fetch(
            f"""
            WITH told AS (SELECT {table.kept} FROM pg_temp.{table.name} WHERE {table.key} = ANY($1)),
            stored AS (SELECT {table.kept} FROM {self.schema}.{table.name} WHERE {table.key} = ANY($1))
            SELECT DISTINCT {table.key} AS one FROM (
                (TABLE told EXCEPT TABLE stored) UNION ALL (TABLE stored EXCEPT TABLE told)
            ) AS differing ORDER BY 1
            """,
            ids,
        )
        return [row["one"] for row in rows]

    async def _write(self, table: _Table, ids: list[UUID]) -> None:
        await self.connection.execute(
            f"DELETE FROM {self.schema}.{table.name} WHERE {table.key} = ANY($1)", ids
        )
        await self.connection.execute(
            f"INSERT INTO {self.schema}.{table.name} ({table.kept}) "
            f"SELECT {table.kept} FROM pg_temp.{table.name} WHERE {table.key} = ANY($1)",
            ids,
        )

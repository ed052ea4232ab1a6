"""Read models come back from the topics by the commands that operators use, while everything runs."""

from __future__ import annotations

import asyncio
import os
from typing import Any
from uuid import UUID

import asyncpg

from onenet_client.models import Connection
from onenet_local.services import SERVICES, environment
from onenet_local.stack import Stack
from tests.e2e.estate import Estate, estate, until

TIMEOUT = 60
READERS = ("api", "monitor")
"""Services with a read model."""
SPOILING = (
    "DELETE FROM monitor.standings WHERE connection_id = ANY($1)",
    "UPDATE monitor.verdicts SET since = 'epoch', reasons = '[\"wrong\"]' WHERE connection_id = ANY($1)",
    "UPDATE api.connections SET details = '{}', health = 'DOWN', reasons = '[\"wrong\"]' WHERE id = ANY($1)",
    "DELETE FROM api.timeline WHERE source <> 'onenet-api' AND connection_id = ANY($1)",
)
STANDINGS = (
    "SELECT connection_id, generation, state, ctype, asked_at, stands FROM monitor.standings "
    "WHERE connection_id = ANY($1) ORDER BY 1"
)
VERDICTS = (
    "SELECT connection_id, health, since FROM monitor.verdicts WHERE connection_id = ANY($1) ORDER BY 1"
)


HTTPS = {"protocol": "tcp", "from_port": 443, "to_port": 443}


async def command(stack: Stack, name: str, *arguments: str) -> str:
    """What a service's command prints, run as an operator beside the services."""
    [service] = [one for one in SERVICES if one.name == name]
    process = await asyncio.create_subprocess_exec(
        service.script,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(service, stack.addresses, os.environ),
    )
    out, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert process.returncode in (0, 1), out.decode()
    return out.decode()


async def shown(networks: Estate) -> list[dict[str, Any]]:
    """What the API says of each connection, with its timeline."""
    return [
        one.model_dump(include={"id", "state", "details", "health", "reasons", "ctype"})
        | {"timeline": {entry.id async for entry in networks.onenet.connections.timeline(one.id)}}
        for one in sorted(await networks.connections(), key=lambda one: one.id)
    ]


async def healthy(networks: Estate, ids: list[UUID]) -> bool | None:
    found: list[Connection] = [await networks.onenet.connections.get(one) for one in ids]
    return True if all(one.health == "UP" for one in found) else None


async def test_read_models_come_back_beside_services_that_run(stack: Stack) -> None:
    database = await asyncpg.connect(stack.addresses.database)
    async with estate(stack, networks=2) as networks:
        asked = [await networks.onenet.connections.create(*pair) for pair in networks.pairs]
        ids = [(await networks.onenet.wait_for(one.id, ["ESTABLISHED"])).id for one in asked]
        await networks.onenet.connections.delete(ids[0])
        await networks.onenet.wait_for(ids[0], ["DELETED"])
        await until(lambda: healthy(networks, ids[1:]), "the others to be found healthy")

        async def over() -> bool | None:
            return True if len(await database.fetch(VERDICTS, ids)) == 3 else None

        await until(over, "the monitor to have heard of the deletion")
        before = await shown(networks)
        standings, verdicts = await database.fetch(STANDINGS, ids), await database.fetch(VERDICTS, ids)
        for told in await asyncio.gather(*(command(stack, name, "replay", "--dry-run") for name in READERS)):
            assert not [one for one in ids if str(one) in told], told

        for statement in SPOILING:
            await database.execute(statement, ids)
        await asyncio.gather(*(command(stack, name, "replay") for name in READERS))

        assert await database.fetch(STANDINGS, ids) == standings
        assert await database.fetch(VERDICTS, ids) == verdicts
        assert await shown(networks) == before
    await database.close()


async def back_up(database: asyncpg.Connection[Any], schemas: tuple[str, ...]) -> dict[str, list[Any]]:
    """Every row of these schemas, as of one moment."""
    async with database.transaction(isolation="repeatable_read", readonly=True):
        tables = await database.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = ANY($1)", schemas
        )
        return {
            table[0]: [row[0] for row in await database.fetch(f"SELECT to_json(t)::text FROM {table[0]} t")]
            for table in tables
            if not table[0].endswith((".outbox", ".alembic_version"))
        }


async def restore(database: asyncpg.Connection[Any], backup: dict[str, list[Any]]) -> None:
    async with database.transaction():
        # Rows come back whole, in whatever order: what refers to what held when they were read.
        await database.execute("SET LOCAL session_replication_role = replica")
        await database.execute(f"TRUNCATE {', '.join(backup)}, api.outbox, provisioner.outbox")
        for table, rows in backup.items():
            await database.execute(
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE "
                f"SELECT (json_populate_record(NULL::{table}, r::json)).* "
                "FROM unnest($1::text[]) AS r",
                rows,
            )


async def test_an_older_backup_and_a_lost_schema_are_brought_up_to_date(stack: Stack) -> None:
    database = await asyncpg.connect(stack.addresses.database)
    services = [one.name for one in SERVICES]
    async with estate(stack, networks=2) as networks:
        create, wait = networks.onenet.connections.create, networks.onenet.wait_for
        leaving, changing = [
            (await wait((await create(*pair)).id, ["ESTABLISHED"])).id for pair in networks.pairs[:2]
        ]
        backup = await back_up(database, ("api", "provisioner"))
        await networks.onenet.connections.delete(leaving)
        await wait(leaving, ["DELETED"])
        made = (await wait((await create(*networks.pairs[2])).id, ["ESTABLISHED"])).id
        await networks.onenet.connections.change(changing, {"l4filters": [HTTPS]})
        assert (await wait(changing, ["ESTABLISHED"])).generation == 2
        await until(lambda: healthy(networks, [made, changing]), "both to be found healthy")
        before, peerings = await shown(networks), networks.live_peerings()

        # Stopped in order, they leave nothing on the topics that would have to be passed over.
        for name in services:
            await stack.supervisor.stop_part(name)
        await restore(database, backup)
        await database.execute("DROP SCHEMA monitor CASCADE")
        await command(stack, "monitor", "migrate")
        await command(stack, "api", "replay", "--restored")
        await command(stack, "monitor", "replay")
        standings = await database.fetch(STANDINGS, [leaving, changing, made])
        assert sorted(row["state"] for row in standings) == ["DELETED", "ESTABLISHED", "ESTABLISHED"]
        await asyncio.gather(*(stack.supervisor.start_part(name) for name in services))

        async def known() -> bool | None:
            rows = await database.fetch(
                "SELECT connection_id, phase, generation FROM provisioner.links "
                "WHERE connection_id = ANY($1)",
                [leaving, changing, made],
            )
            links = {row["connection_id"]: (row["phase"], row["generation"]) for row in rows}
            wanted = {leaving: ("ENDED", 2), changing: ("WATCHED", 2), made: ("WATCHED", 1)}
            return True if links == wanted else None

        await until(known, "the provisioner to know what it had forgotten")
        assert networks.live_peerings() == peerings
        kept = {one["id"]: one["timeline"] for one in before}
        after = await shown(networks)
        assert all(kept[one["id"]] <= one.pop("timeline") for one in after)
        assert after == [{name: it for name, it in one.items() if name != "timeline"} for one in before]
    await database.close()

"""Schemas are made and changed by migrations, by whoever comes first, wholly or not at all."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from onenet_api import main as api
from onenet_api.tables import METADATA
from onenet_common.database import Database
from onenet_common.errors import Permanent, Transient
from onenet_common.migrations import VERSION_TABLE, Migrations
from onenet_local.probes import free_port
from onenet_monitor import main as monitor
from onenet_monitor.collector import main as collector
from onenet_monitor.collector.tables import Table as CollectorTable
from onenet_monitor.flows.tables import METADATA as MONITOR
from onenet_provisioner import main as provisioner
from onenet_provisioner.tables import Table as ProvisionerTable
from tests import databases

_numbers = count(1)
_SERVICES = [
    pytest.param(api.MIGRATIONS, METADATA, id="api"),
    pytest.param(monitor.MIGRATIONS, MONITOR, id="monitor"),
    pytest.param(collector.MIGRATIONS, CollectorTable.metadata, id="collector"),
    pytest.param(provisioner.MIGRATIONS, ProvisionerTable.metadata, id="provisioner"),
]
HEAD = monitor.MIGRATIONS.head
NEXT = f"{int(HEAD) + 1:04}"
OF_EVERY_SCHEMA = {"inbox", "outbox", VERSION_TABLE}
"""Tables that are in no service's metadata."""
# Views are made by migrations alone: they are what others read, not what the code works on.
_STRUCTURE = """
SELECT format('%s.%s %s null=%s default=%s identity=%s', table_name, column_name,
    coalesce(nullif(udt_name, ''), data_type), is_nullable, column_default, identity_generation)
FROM information_schema.columns JOIN pg_tables ON (schemaname, tablename) = (table_schema, table_name)
WHERE table_schema = $1
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = $1
UNION ALL SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = to_regnamespace($1)
"""


def fresh(url: str, *, size: int = 2, **options: Any) -> Database:
    """A database on a schema that nobody has made yet."""
    return Database(url, schema=f"migrated_{next(_numbers)}", size=size, **options)


async def structure(database: Database) -> set[str]:
    connection = await database.connect()
    rows = await connection.fetch(_STRUCTURE, database.schema)
    await connection.close()
    lines = {str(row[0]).replace(f"{database.schema}.", "") for row in rows}
    return {line for line in lines if VERSION_TABLE not in line}


async def started(database: Database, migrations: Migrations | None = None) -> Database:
    """Started once; with migrations it is migrated here, and not in a process as services have it."""
    if migrations is None:
        await database.start()
    else:
        await databases.start(database, migrations)
    await database.stop()
    return database


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Migrations]:
    """The monitor's migrations and one more, whose statement is given."""

    def make(statement: str) -> Migrations:
        package = f"next_release_{next(_numbers)}"
        versions = tmp_path / package / "versions"
        versions.mkdir(parents=True)
        for file in (files(monitor.MIGRATIONS.package) / "versions").iterdir():
            if file.name.endswith(".py"):
                (versions / file.name).write_text(file.read_text())
        (versions.parent / "__init__.py").touch()
        (versions / f"{NEXT}_wider.py").write_text(
            f"from alembic import op\nrevision, down_revision = '{NEXT}', '{HEAD}'\n\n\ndef upgrade():\n"
            "    op.execute('ALTER TABLE standings ADD COLUMN wider text')\n"
            f"    op.execute({statement!r})\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        return Migrations(package)

    return make


@pytest.mark.parametrize(("migrations", "metadata"), _SERVICES)
async def test_revisions_are_numbered_in_their_order(migrations: Migrations, metadata: MetaData) -> None:
    scripts = ScriptDirectory(str(files(migrations.package)))
    assert [script.revision for script in scripts.walk_revisions()] == migrations.revisions[::-1]


@pytest.mark.parametrize(("migrations", "metadata"), _SERVICES)
async def test_migrations_make_what_the_code_works_on(
    postgres_url: str, migrations: Migrations, metadata: MetaData
) -> None:
    migrated = await started(fresh(postgres_url, migrations=migrations), migrations)
    created = await started(fresh(postgres_url, metadata=metadata))
    assert await structure(migrated) == await structure(created)
    assert len(await structure(migrated)) > 20

    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "include_name": lambda name, *_: name not in OF_EVERY_SCHEMA}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    engine = create_async_engine("postgresql+asyncpg://", async_creator=migrated.connect, poolclass=NullPool)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.parametrize(("migrations", "metadata"), _SERVICES)
async def test_a_schema_from_before_there_were_migrations_is_adopted_with_its_rows(
    postgres_url: str, migrations: Migrations, metadata: MetaData
) -> None:
    old = await started(fresh(postgres_url, metadata=metadata))
    before = await structure(old)
    connection = await old.connect()
    await connection.execute("INSERT INTO inbox VALUES (gen_random_uuid(), 'somebody')")
    assert await old.revision() is None

    await migrations.upgrade(old.connect, old.schema)

    assert await old.revision() == migrations.head
    assert await structure(old) == before
    assert await connection.fetchval("SELECT count(*) FROM inbox") == 1
    await connection.close()


async def test_many_that_start_at_once_migrate_once(postgres_url: str) -> None:
    schema = f"migrated_{next(_numbers)}"
    applied: list[str] = []
    databases = [Database(postgres_url, schema=schema) for _ in range(8)]
    await asyncio.gather(
        *(monitor.MIGRATIONS.upgrade(one.connect, schema, applied.append) for one in databases)
    )
    assert applied == monitor.MIGRATIONS.revisions
    assert await databases[0].revision() == monitor.MIGRATIONS.head


async def test_a_migration_that_breaks_in_the_middle_leaves_nothing(
    postgres_url: str, next_release: Callable[[str], Migrations]
) -> None:
    database = await started(fresh(postgres_url, migrations=monitor.MIGRATIONS), monitor.MIGRATIONS)
    before = await structure(database)
    with pytest.raises(Permanent, match="could not be migrated, and is as it was: division by zero"):
        await next_release("SELECT 1 / 0").upgrade(database.connect, database.schema)
    end_ourselves = next_release("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(Transient, match="could not be migrated"):
        await end_ourselves.upgrade(database.connect, database.schema)
    assert (await structure(database), await database.revision()) == (before, HEAD)
    await next_release("SELECT 1").upgrade(database.connect, database.schema)
    assert await database.revision() == NEXT


async def test_a_newer_schema_is_worked_on_as_it_is(
    postgres_url: str, next_release: Callable[[str], Migrations]
) -> None:
    database = fresh(postgres_url, migrations=monitor.MIGRATIONS)
    await next_release("SELECT 1").upgrade(database.connect, database.schema)
    await started(database)
    await monitor.MIGRATIONS.upgrade(database.connect, database.schema)
    assert await database.revision() == NEXT


async def test_who_may_not_migrate_waits_and_says_for_what(
    postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    database = fresh(postgres_url, migrations=monitor.MIGRATIONS, migrate=False)
    starting = asyncio.create_task(database.start())
    said = ""
    while f"must be at {HEAD}" not in said:
        await asyncio.sleep(0.01)
        said += capsys.readouterr().out
    assert await database.revision() is None
    await monitor.MIGRATIONS.upgrade(database.connect, database.schema)
    await asyncio.wait_for(starting, 20)
    await database.stop()


Migrate = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
async def command(postgres_url: str) -> Migrate:
    """Runs ``onenet-monitor migrate``, and answers with its exit code and what it said."""

    async def run(*arguments: str, url: str = postgres_url) -> tuple[int, str]:
        program = str(Path(sys.executable).with_name("onenet-monitor"))
        done = await asyncio.to_thread(
            subprocess.run,
            [program, "migrate", *arguments],
            env={"ONENET_DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr

    return run


async def test_a_command_that_fails_says_why_in_one_line(postgres_url: str, command: Migrate) -> None:
    nobody = f"onenet@127.0.0.1:{free_port()}/onenet"
    code, said = await command(url=f"postgresql://{nobody.replace('@', ':secret@')}")
    assert code == 1
    assert re.fullmatch(
        rf"onenet-monitor migrate: the database {nobody} does not answer: .*; .* run it again\n",
        said,
    )
    assert "secret" not in said

    connection = await asyncpg.connect(postgres_url)
    await connection.execute("DROP SCHEMA IF EXISTS monitor CASCADE")
    await connection.execute("CREATE SCHEMA monitor; CREATE TABLE monitor.standings (another int)")
    code, said = await command()
    assert code == 1
    assert said == (
        "applying 0001 ...\nonenet-monitor migrate: schema monitor could not be migrated, and is as it was: "
        'column "state" does not exist\n'
    )
    await connection.close()


@pytest.fixture
async def command_here(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Migrate:
    """The same in this process, which has loaded everything already."""
    monkeypatch.setenv("ONENET_DATABASE_URL", postgres_url)

    def main() -> int:
        with pytest.raises(SystemExit) as ended:
            monitor.main()
        assert isinstance(ended.value.code, int)
        return ended.value.code

    async def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["onenet-monitor", "migrate", *arguments])
        capsys.readouterr()
        # In a thread, since it has an event loop of its own.
        code = await asyncio.to_thread(main)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


async def test_the_command_tells_what_it_does(postgres_url: str, command_here: Migrate) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("DROP SCHEMA IF EXISTS monitor CASCADE")
    assert (await command_here("--check"))[0] == 1
    code, sql = await command_here("--sql")
    assert code == 0
    assert (await command_here("--check"))[0] == 1
    await connection.execute(sql)
    assert await command_here("--check") == (0, f"schema monitor is at {HEAD}, the newest is {HEAD}\n")
    assert await command_here("--sql") == (0, "")
    assert await command_here() == (0, f"schema monitor is at {HEAD}\n")
    await connection.execute("DROP SCHEMA monitor CASCADE")
    applied = "".join(f"applying {revision} ...\n" for revision in monitor.MIGRATIONS.revisions)
    assert await command_here() == (0, f"{applied}schema monitor is at {HEAD}\n")
    await connection.close()


async def test_what_migrating_takes_is_gone_from_a_service_that_did_it(postgres_url: str) -> None:
    program = """
import asyncio, sys
from onenet_common.database import Database
import onenet_api.main, onenet_evaluator.main, onenet_monitor.main, onenet_provisioner.main
import onenet_monitor.flows.main
database = Database(sys.argv[1], schema=sys.argv[2], migrations=onenet_monitor.main.MIGRATIONS)
asyncio.run(database.start())
sys.exit(", ".join({"alembic", "sqlalchemy", "sqlmodel"} & set(sys.modules)) or 0)
"""
    database = fresh(postgres_url)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, postgres_url, database.schema],
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert await database.revision() == HEAD

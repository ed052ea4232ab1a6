"""A real PostgreSQL server on the loopback interface, with its data in a folder.

The wheel's own launcher is not used: it listens on a unix socket only and, as root, makes a
system user and opens the permissions of every parent folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from onenet_local.postgres_binaries import bin_folder
from onenet_local.probes import HOST, free_port
from onenet_local.processes import Command, Process, Program, StartFailed, run
from onenet_local.unprivileged import USER, hand_over, home_for, make_home, server_user

NAME = "onenet"
"""Of the superuser and of the database."""

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}
CONNECTIONS = 200
INITDB_TIMEOUT = 60.0
RELEASE_LOOKS = 150
RELEASE_PAUSE = 0.1
"""How often, and every how many seconds, to look whether the server of a killed stack has ended."""

NOT_YET = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
)
"""What a server says that is starting, or that ended while it was asked."""

LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")

UNSAFE = {"fsync": "off", "full_page_writes": "off"}
"""Faster; a crash of the machine, not of the server, may then cost the data. ``synchronous_commit``
stays on, for without it kill -9 would cost the last commits that were answered with yes."""


class Postgres(Process):
    """A server whose data survives restarts and kill -9.

    Args:
        folder: where data, password and log go; created when absent.
        port: where it listens, also after a restart; a free one by default.
        fsync: whether committed data survives a crash of the whole machine.
        programs: the folder of ``initdb`` and ``postgres``; the wheel's by default.
        locale: what ``initdb`` is told of it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        fsync: bool = True,
        programs: Path | None = None,
        locale: Sequence[str] = LOCALE,
    ) -> None:
        self.port = port or free_port()
        self.fsync = fsync
        self.folder = folder
        self.home = home_for(folder)
        self.data = self.home / "postgres"
        self.password_file = self.home / "postgres.password"
        self._programs = programs or bin_folder()
        self._locale = locale
        super().__init__(
            Program(
                name="postgres",
                command=(str(self._programs / "postgres"), "-D", str(self.data), *self._options()),
                environment=ENVIRONMENT,
                log=folder / "logs" / "postgres.log",
                ready=self._accepts,
                user=server_user(),
                # SIGINT: rolls back what is open and ends; SIGTERM would wait for every client.
                stop_signal=signal.SIGINT,
                # SIGQUIT: ends at once, its own children too; recovery follows at the next start.
                orphan_signal=signal.SIGQUIT,
            )
        )

    @property
    def url(self) -> str:
        """For every client; it holds the password. Known after ``make_home``."""
        password = self.password_file.read_text().strip()
        return f"postgresql://{NAME}:{password}@{HOST}:{self.port}/{NAME}"

    @property
    def notices(self) -> Sequence[str]:
        if self.home == self.folder:
            return ()
        return (f"PostgreSQL runs as {USER}, who cannot enter {self.folder}: its data is in {self.home}",)

    def make_home(self) -> None:
        """Create its folder and its password, unless they are there; ``start`` does so too."""
        make_home(self.home)
        if not self.password_file.exists():
            self.password_file.touch(mode=0o600)
            self.password_file.write_text(secrets.token_urlsafe(24))
            hand_over(self.password_file)

    async def prepare(self) -> None:
        """Create the data folder once, and wait until no other server uses it.

        Raises:
            StartFailed: when it cannot be created, or another server keeps running on it.
        """
        self.make_home()
        if not self.data.exists():
            await self._initialise()
        await self._take_over()

    def _options(self) -> list[str]:
        options = {
            "port": str(self.port),
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "max_connections": str(CONNECTIONS),
            "jit": "off",
            "log_checkpoints": "off",
            **({} if self.fsync else UNSAFE),
        }
        return [word for name, value in options.items() for word in ("-c", f"{name}={value}")]

    async def _initialise(self) -> None:
        """Create the data aside and rename it, so that it is whole or absent after a crash."""
        aside = self.data.with_name("postgres.new")
        await asyncio.to_thread(_empty, aside)
        hand_over(aside)
        await run(
            Command(
                name="initdb",
                command=(
                    str(self._programs / "initdb"),
                    *("-D", str(aside), "-U", NAME, "--pwfile", str(self.password_file)),
                    *("--auth=scram-sha-256", "--encoding=UTF8"),
                    *self._locale,
                    *(() if self.fsync else ("--no-sync",)),
                ),
                environment=ENVIRONMENT,
                log=self.program.log,
                user=server_user(),
            ),
            timeout=INITDB_TIMEOUT,
        )
        aside.rename(self.data)

    async def _take_over(self) -> None:
        """A lock file after a crash may name a process id that is another program's by now."""
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        for _ in range(RELEASE_LOOKS):
            if not _in_use(self.data):
                lock.unlink(missing_ok=True)
                return
            await asyncio.sleep(RELEASE_PAUSE)
        raise StartFailed(f"another PostgreSQL server is running on {self.data}")

    async def _accepts(self) -> bool:
        """Whether the server answers; the database is created the first time."""
        try:
            connection = await self._connect()
            try:
                if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", NAME):
                    await connection.execute(f"CREATE DATABASE {NAME}")
            finally:
                await connection.close()
        except NOT_YET:
            return False
        except asyncpg.PostgresError as error:
            raise StartFailed(f"PostgreSQL on {self.data} refuses us: {error}") from error
        return True

    async def _connect(self) -> asyncpg.Connection:
        password = self.password_file.read_text().strip()
        return await asyncpg.connect(
            host=HOST,
            port=self.port,
            user=NAME,
            password=password,
            database="postgres",
            ssl=False,
            timeout=2,
            command_timeout=20,
        )


@dataclass(frozen=True)
class RunningPostgres:
    """A PostgreSQL that is somebody else's to start and to stop.

    Args:
        url: of a database that is there for this stack alone; it holds the password.
    """

    url: str = field(repr=False)


def _in_use(data: Path) -> bool:
    """Whether any process of a server works in the folder, which is where they all go at start."""
    wanted = data.resolve()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is not ours to look at
            if link.readlink() == wanted:
                return True
    return False


def _empty(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)

"""Child processes that are known to be ready, end when asked, and never outlive us."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from onenet_common.errors import Permanent
from onenet_local import guard
from onenet_local.probes import Probe

POLL = 0.02
"""Seconds between two looks at a process that is starting."""


class StartFailed(Permanent):
    """A process ended, or did not get ready in time; the reason has its last words."""

    default_code = "start_failed"


@dataclass(frozen=True, kw_only=True)
class Command:
    """What it takes to run a child process.

    Args:
        name: one word, for messages.
        command: program and arguments.
        environment: all of it; nothing is inherited.
        log: the file that its output is added to.
        user: whom to run it as, None for ourselves; another one needs root.
        orphan_signal: what the kernel sends it when we die without stopping it.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    user: str | None = None
    orphan_signal: signal.Signals = signal.SIGKILL


@dataclass(frozen=True, kw_only=True)
class Program(Command):
    """A command that keeps running.

    Args:
        ready: asked again and again until it passes.
        stop_signal: what asks it to end in order.
        start_timeout: seconds until it must be ready.
        stop_timeout: seconds until it is killed when it does not heed ``stop_signal``.
    """

    ready: Probe
    stop_signal: signal.Signals = signal.SIGTERM
    start_timeout: float = 60.0
    stop_timeout: float = 10.0


class Process:
    """A program that runs at most once at a time and can be started again.

    It must be started from a thread that lives as long as the process should: the kernel takes
    the end of that thread for the end of the parent.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._child: asyncio.subprocess.Process | None = None

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int | None:
        """The running process's id, None when there is none."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    @property
    def notices(self) -> Sequence[str]:
        """What its user should know before it starts, in sentences."""
        return ()

    async def prepare(self) -> None:
        """Create what must be there before each start; for programs that need it."""

    async def start(self) -> None:
        """Run it and wait until it is ready; nothing is left running otherwise.

        Raises:
            StartFailed: when it ends, is not ready in time, or somebody else is where it should be.
        """
        if self.pid is not None:
            return
        await self.prepare()
        if await self.program.ready():
            raise StartFailed(f"another process answers already where {self.name} should; see its port")
        limit = self.program.start_timeout
        ready = False
        try:
            async with asyncio.timeout(limit):
                self._child = await spawn(self.program)
                await self._until_ready()
            ready = True
        except TimeoutError:
            raise StartFailed(_report(self.program, f"was not ready after {limit:g} s")) from None
        finally:
            if not ready:
                await self.kill()

    async def stop(self) -> None:
        """Ask it to end; kill it when it does not."""
        if self._child is None or self.pid is None:
            return
        self._child.send_signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(self._child.wait(), self.program.stop_timeout)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it and its process group as ``kill -9`` does, and see it gone."""
        if self._child is not None:
            await _kill_group(self._child)

    async def ended(self) -> int:
        """Wait for its end.

        Returns:
            The exit code, or the signal's number with a minus sign.
        """
        return 0 if self._child is None else await self._child.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _until_ready(self) -> None:
        while not await self.program.ready():
            if self.pid is None:
                code = await self.ended()
                raise StartFailed(_report(self.program, f"ended with exit code {code} while starting"))
            await asyncio.sleep(POLL)


async def spawn(command: Command) -> asyncio.subprocess.Process:
    """Start a command under the guard, in a session of its own, so that Ctrl-C reaches us alone."""
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", guard.__file__),
            *(str(os.getpid()), str(int(command.orphan_signal)), command.user or ""),
            *command.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(command.environment),
            start_new_session=True,
        )


async def run(command: Command, timeout: float) -> None:
    """Run a command to its end.

    Raises:
        StartFailed: when it fails, or is not done after ``timeout`` seconds.
    """
    child = await spawn(command)
    try:
        code = await asyncio.wait_for(child.wait(), timeout)
    except TimeoutError:
        raise StartFailed(_report(command, f"was not done after {timeout:g} s")) from None
    finally:
        await _kill_group(child)
    if code != 0:
        raise StartFailed(_report(command, f"ended with exit code {code}"))


async def _kill_group(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


def last_lines(log: Path, count: int = 12) -> str:
    """How a log ends, for an error message; empty when there is none."""
    with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
    return ""


def _report(command: Command, what: str) -> str:
    return f"{command.name} {what}; its log {command.log} ends with:\n{last_lines(command.log)}"

"""Starts processes in the order of their needs, restarts those that crash, stops them in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from onenet_local.processes import Process, StartFailed, last_lines

Report = Callable[[str], None]

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0
STEADY = 30.0
"""Seconds of running after which a crash counts as the first one again."""


@dataclass(frozen=True)
class Part:
    """A process of a stack.

    Args:
        needs: the names of those that must be ready before it starts.
        awaited: whether the start of all is over only when this one is ready; another one that cannot
            start is reported and tried again, as after a crash.
    """

    process: Process
    needs: frozenset[str] = frozenset()
    awaited: bool = True


def pause_before(restart: int) -> float:
    """Seconds to wait before the restart with this number, beginning at 1."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(restart - 1, 20))


def waves(parts: Mapping[str, Part]) -> list[list[str]]:
    """Names in the order of stopping: those that nobody left needs come first."""
    left = dict(parts)
    order: list[list[str]] = []
    while left:
        needed = frozenset[str]().union(*(part.needs for part in left.values()))
        wave = [name for name in left if name not in needed]
        if not wave:
            raise ValueError(f"these need each other: {', '.join(left)}")
        order.append(wave)
        left = {name: part for name, part in left.items() if name not in wave}
    return order


class Supervisor:
    """Keeps parts running from ``start`` to ``stop``.

    Args:
        parts: by name; what a part needs must be among them.
        report: told, in a sentence, what happens unasked.
        changed: called when a process began or ended.
    """

    def __init__(self, parts: Mapping[str, Part], report: Report, changed: Callable[[], None]) -> None:
        self._parts = parts
        self._report = report
        self._changed = changed
        self._order = waves(parts)
        self._ready = {name: asyncio.Event() for name in parts}
        self._keepers: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Start everything that is awaited, side by side as far as needs allow; or, on an error, nothing.

        Raises:
            StartFailed: what the first one to fail says.
        """
        complete = False
        try:
            async with asyncio.TaskGroup() as group:
                for name, part in self._parts.items():
                    if part.awaited:
                        group.create_task(self._start_after_needs(name))
            complete = True
            self._start_later()
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            if not complete:
                await self.stop()

    async def stop(self) -> None:
        """Stop everything; what others need goes last."""
        for wave in self._order:
            await asyncio.gather(*(self.stop_part(name) for name in wave))

    async def start_part(self, name: str) -> None:
        """Start one that was stopped; one that is looked after already is left alone.

        Raises:
            StartFailed: when it does not get ready.
        """
        if name in self._keepers:
            return
        await self._parts[name].process.start()
        self._keep(name)

    async def stop_part(self, name: str) -> None:
        """Stop one in order; it stays away until ``start_part``."""
        self._ready[name].clear()
        if (keeper := self._keepers.pop(name, None)) is not None:
            keeper.cancel()
            await asyncio.wait({keeper})
        await self._parts[name].process.stop()
        self._changed()

    async def restart(self, name: str) -> None:
        """Stop one in order and start it again, on the same port.

        Raises:
            StartFailed: when it does not get ready.
        """
        await self.stop_part(name)
        await self.start_part(name)

    async def kill(self, name: str) -> None:
        """End one as ``kill -9`` does; it is restarted as after any crash."""
        self._ready[name].clear()
        await self._parts[name].process.kill()

    async def until_ready(self, name: str) -> None:
        """Wait until it runs and is ready, such as after a crash."""
        await self._ready[name].wait()

    async def _start_after_needs(self, name: str) -> None:
        for need in self._parts[name].needs:
            await self._ready[need].wait()
        await self.start_part(name)

    def _start_later(self) -> None:
        for name, part in self._parts.items():
            if not part.awaited:
                late = self._start_unawaited(name)
                self._keepers[name] = asyncio.create_task(late, name=f"keep {name}")

    async def _start_unawaited(self, name: str) -> None:
        for need in self._parts[name].needs:
            await self._ready[need].wait()
        try:
            await self._parts[name].process.start()
        except (StartFailed, OSError) as error:
            self._report(str(error))
            await self._restart(name, 1)
        self._ready[name].set()
        self._changed()
        await self._keep_running(name)

    def _keep(self, name: str) -> None:
        self._ready[name].set()
        self._keepers[name] = asyncio.create_task(self._keep_running(name), name=f"keep {name}")
        self._changed()

    async def _keep_running(self, name: str) -> None:
        process = self._parts[name].process
        clock = asyncio.get_running_loop().time
        restart = 0
        while True:
            began = clock()
            code = await process.ended()
            self._ready[name].clear()
            self._changed()
            restart = 1 if clock() - began > STEADY else restart + 1
            self._report(f"{name} {ending(code)}; its log ends with:\n{last_lines(process.program.log)}")
            restart = await self._restart(name, restart)
            self._ready[name].set()
            self._changed()

    async def _restart(self, name: str, restart: int) -> int:
        """Try until it is ready again.

        Returns:
            The number of the restart that worked.
        """
        while True:
            pause = pause_before(restart)
            self._report(f"{name} starts again in {pause:g} s (restart {restart})")
            await asyncio.sleep(pause)
            try:
                await self._parts[name].process.start()
            except (StartFailed, OSError) as error:
                self._report(str(error))
                restart += 1
            else:
                self._report(f"{name} is back")
                return restart


def ending(code: int) -> str:
    """How a process ended, in words: the exit code, or the signal's number with a minus sign."""
    if code >= 0:
        return f"ended with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"

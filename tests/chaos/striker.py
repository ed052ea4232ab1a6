"""Hits processes: kill -9, or stopped for a while and woken again; and sees them recover."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from onenet_local.cloud.handle import LocalCloud
from onenet_local.stack import Stack
from tests.chaos.blows import Blow, Kind, Moment
from tests.e2e.estate import until

MOMENT_SECONDS = 5.0
"""How long a moment is waited for; past that the blow falls anyway."""


@dataclass
class Struck:
    """A blow that fell: seconds on the clock of the run, and how long until the victim was ready again."""

    blow: Blow
    at: float
    recovered_after: float | None = None


@dataclass
class Striker:
    """Carries out blows until told to stop; every victim is awake and ready then.

    Args:
        posting: set by users whenever they send a request.
        clock: seconds of the run.
    """

    stack: Stack
    cloud: LocalCloud
    posting: asyncio.Event
    clock: Callable[[], float]
    struck: list[Struck] = field(default_factory=list)
    _recovering: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def strike(self, blows: Iterator[Blow], *, until: float) -> None:
        """Let blows fall until that time on the clock, then wait until everybody is well."""
        for blow in blows:
            if self.clock() + blow.after > until:
                break
            await asyncio.sleep(blow.after)
            await self._recovered(blow.victim)
            await self._moment(blow.moment)
            await asyncio.sleep(blow.delay)
            done = Struck(blow, self.clock())
            self.struck.append(done)
            self._recovering[blow.victim] = asyncio.create_task(self._hit(done))
            await asyncio.sleep(0)
        for victim in list(self._recovering):
            await self._recovered(victim)

    async def _recovered(self, victim: str) -> None:
        if (recovering := self._recovering.pop(victim, None)) is not None:
            await recovering

    async def _hit(self, struck: Struck) -> None:
        name = struck.blow.victim
        began = time.monotonic()
        if struck.blow.kind is Kind.KILL:
            await self.stack.supervisor.kill(name)
        else:
            await self._stop_for(name, struck.blow.seconds)
            began = time.monotonic()
        process = self.stack.processes[name]

        async def well() -> bool | None:
            return True if await process.program.ready() else None

        await self.stack.supervisor.until_ready(name)
        await until(well, f"{name} to be ready again")
        struck.recovered_after = time.monotonic() - began

    async def _stop_for(self, name: str, seconds: float) -> None:
        pid = self.stack.processes[name].pid
        family = list(_family(pid)) if pid is not None else []
        try:
            _send(family, signal.SIGSTOP)
            await asyncio.sleep(seconds)
        finally:
            _send(family, signal.SIGCONT)

    async def _moment(self, moment: Moment) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(MOMENT_SECONDS):
                if moment is Moment.POSTING:
                    self.posting.clear()
                    await self.posting.wait()
                elif moment is Moment.PROVISIONING:
                    before = await self._created()

                    async def made() -> bool | None:
                        return True if await self._created() != before else None

                    await until(made, "a peering to be made")

    async def _created(self) -> int:
        return await asyncio.to_thread(
            self.cloud.calls, service="ec2", operation="CreateVpcPeeringConnection"
        )


def _family(pid: int) -> Iterator[psutil.Process]:
    """A process and its children, such as PostgreSQL's backends."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        yield root
        yield from root.children(recursive=True)


def _send(family: list[psutil.Process], number: signal.Signals) -> None:
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)

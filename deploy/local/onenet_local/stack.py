"""The whole of OneNet on this machine, in one folder, as long as this object is entered."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from onenet_local.claim import Claim
from onenet_local.parts import Choice, Parts, build
from onenet_local.processes import Process
from onenet_local.services import Addresses
from onenet_local.settings import LocalSettings
from onenet_local.supervisor import Report, Supervisor
from onenet_local.unprivileged import make_home


class Stack:
    """Runs the chosen parts and keeps them running.

    ``async with Stack(folder) as stack`` starts them and waits until all are ready; at the end they
    are stopped in order. Inert until then. It must be entered from a thread that lives as long.

    Args:
        folder: data, logs and state; created when absent. Another stack may not use it.
        settings: ports and the like; the folder in it is not used.
        choice: which parts, how many, and what else they are told.
        report: told, in a sentence, what happens unasked, such as a crash.
    """

    def __init__(
        self,
        folder: Path,
        settings: LocalSettings | None = None,
        *,
        choice: Choice | None = None,
        report: Report = print,
    ) -> None:
        self.folder = folder.absolute()
        self._settings = settings or LocalSettings()
        self._choice = choice or Choice()
        self._report = report
        self._claim = Claim(self.folder)
        self._parts: Parts | None = None
        self._supervisor: Supervisor | None = None

    @property
    def addresses(self) -> Addresses:
        """Where everything is, while it runs."""
        return self._running[0].addresses

    @property
    def supervisor(self) -> Supervisor:
        """Stops, starts, restarts and kills single processes, while it runs."""
        return self._running[1]

    @property
    def processes(self) -> dict[str, Process]:
        """Every process by name, while it runs."""
        return {name: part.process for name, part in self._running[0].by_name.items()}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything; on an error nothing is left running.

        Raises:
            AlreadyRunning: when another stack has the folder.
            StartFailed: when a part does not get ready; the reason has its last log lines.
        """
        make_home(self.folder)
        with ExitStack() as on_error:
            on_error.enter_context(self._claim)
            self._parts = build(self.folder, self._settings, self._choice, os.environ)
            for part in self._parts.by_name.values():
                _set_aside(part.process.program.log)
                for notice in part.process.notices:
                    self._report(notice)
            supervisor = Supervisor(self._parts.by_name, self._report, self._write_state)
            await supervisor.start()
            self._supervisor = supervisor
            self._write_state()
            on_error.pop_all()

    async def stop(self) -> None:
        """Stop everything in order: services, then what they need."""
        if self._supervisor is None:
            return
        try:
            await self._supervisor.stop()
        finally:
            self._supervisor = None
            self._claim.release()

    @property
    def _running(self) -> tuple[Parts, Supervisor]:
        if self._parts is None or self._supervisor is None:
            raise RuntimeError("the stack does not run")
        return self._parts, self._supervisor

    def _write_state(self) -> None:
        """Tell commands where everything is, once all of it has been ready."""
        if self._supervisor is None:
            return
        state = {
            "pid": os.getpid(),
            "addresses": asdict(self.addresses),
            "processes": {
                name: {"pid": process.pid, "log": str(process.program.log)}
                for name, process in self.processes.items()
            },
        }
        self._claim.write_state(state)


def _set_aside(log: Path) -> None:
    """Keep the logs of one earlier run, so that they do not grow for ever."""
    if log.exists():
        log.replace(log.with_suffix(".log.1"))

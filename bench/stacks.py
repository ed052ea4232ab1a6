"""Stacks to measure: real ones, in a folder of their own that is gone afterwards."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.progress import tell
from onenet_local.parts import ALL, Choice
from onenet_local.settings import LocalSettings
from onenet_local.stack import Stack
from onenet_local.unprivileged import temporary_folder

MEMORY = {"ONENET_PROVISIONER_DRIVER": "memory"}
"""A provisioner whose cloud is a dictionary, so that what takes time is OneNet."""


@dataclass(frozen=True, slots=True)
class Running:
    """A stack, and how many seconds it took from nothing to ready."""

    stack: Stack
    ready_after: float

    @property
    def pids(self) -> dict[str, int | None]:
        """Process ids by part."""
        return {name: process.pid for name, process in self.stack.processes.items()}


@asynccontextmanager
async def running(
    provisioner: Mapping[str, str],
    *,
    only: Collection[str] = ALL,
    replicas: Mapping[str, int] | None = None,
    flows: Mapping[str, str] | None = None,
) -> AsyncIterator[Running]:
    """A stack that begins with nothing; what is committed is on disk, as in production.

    Args:
        provisioner, flows: what these are told.
        only: the parts to run.
        replicas: how many of a service, by its name; one of each by default.
    """
    told = {"provisioner": provisioner, "flows": flows or {}}
    with temporary_folder() as folder:
        choice = Choice(only=only, replicas=replicas or {}, environment=told)
        stack = Stack(folder, LocalSettings(), choice=choice, report=tell)
        began = time.monotonic()
        async with stack:
            seconds = time.monotonic() - began
            tell(f"a stack is ready after {seconds:.1f} s")
            yield Running(stack, seconds)

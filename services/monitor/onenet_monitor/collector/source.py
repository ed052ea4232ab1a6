"""What the collector needs of a cloud; ``aws.cloud.Cloud`` has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from onenet_monitor.collector.identities import File
from onenet_monitor.collector.notifications import Delivered


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of the queue, known to it by its receipt.

    Args:
        sent_at: when it came, if the queue says so.
    """

    id: str
    body: str
    receipt: str
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Depth:
    """About how many messages a queue holds: those that anybody may have next, and those that are hidden."""

    waiting: int
    hidden: int


@dataclass(frozen=True, slots=True)
class Download:
    """An object that is being read; ``blocks`` raise CloudAway when the way breaks."""

    file: File
    written_at: datetime
    blocks: AsyncIterator[bytes]


class Queue(Protocol):
    """Every call raises Refused or CloudAway."""

    async def receive(self) -> Letter | None:
        """One message, hidden from others; None when none came."""
        ...

    async def hide(self, letter: Letter) -> None:
        """Hide a message that is in hand for as long again."""
        ...

    async def release(self, letter: Letter) -> None:
        """Let others have a message at once."""
        ...

    async def delete(self, letter: Letter) -> None:
        """Have done with a message; one that is gone already is as good."""
        ...


class Counted(Protocol):
    async def depth(self) -> Depth:
        """How much the queue holds. Raises Refused or CloudAway."""
        ...


class Store(Protocol):
    def download(self, found: Delivered) -> AbstractAsyncContextManager[Download]:
        """Begin to read an object as it is now. Raises Refused or CloudAway."""
        ...

"""How long this process may act on the links that it claimed, by its own clock.

The database decides who has a link, and a process that was stopped for a while, or cut off from the
database, does not hear that another one has it now. So each holder reckons for itself when its
lease ends, from before it asked for it, and sends no call to a provider after that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from uuid import UUID

SECONDS = 15.0
"""How long a dead worker keeps a link from the others; the living renew in time."""

MARGIN = 3.0
"""Seconds before its end from which on a lease is too old to begin a call under it."""

Hold = tuple[UUID, UUID | None]
"""A link's connection, and the lease under which it is held."""


class Superseded(Exception):
    """A newer wish waits for the link, or another worker may have it: what is in hand is history."""


def boot_clock() -> float:
    """Seconds that go on while the process, or the whole machine, sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Leases:
    """What is held, and until when. Args: clock: seconds, of which none are left out."""

    def __init__(self, clock: Callable[[], float] = boot_clock) -> None:
        self.clock = clock
        self._until: dict[Hold, float] = {}

    def granted(self, holds: Iterable[Hold], asked_at: float) -> None:
        """Leases that the database gave or renewed, when asked at that time of the clock."""
        self._until |= dict.fromkeys(holds, asked_at + SECONDS)

    def ended(self, holds: Iterable[Hold]) -> None:
        """Leases that were given back, or turned out to be lost."""
        for hold in holds:
            self._until.pop(hold, None)

    def holds(self, hold: Hold) -> bool:
        """Whether nobody else can have the link now."""
        return self.clock() < self._until.get(hold, 0.0)

    def require(self, hold: Hold) -> None:
        """Let a call begin, or not.

        Raises:
            Superseded: the lease has ended, or will before a call is through.
        """
        if self.clock() >= self._until.get(hold, 0.0) - MARGIN:
            raise Superseded

"""Who may read what of a connection's health. Pure.

That a connection is DOWN, since when, and which source says so concerns both owners. Why may be told in
words of a provider: ids in somebody's account, what a role may not do there. Those are for the owner of
that account alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from onenet_common.connection import Side

BOTH = "both"


def told(reasons: Sequence[str], sides: Sequence[str], owned: frozenset[Side]) -> tuple[str, ...]:
    """Those of the reasons that somebody may read who owns these sides.

    Args:
        sides: whose account each reason is about, or ``both``; a reason beyond them may be about either,
            so that it takes the owner of both.
    """
    pairs = zip_longest(reasons, sides[: len(reasons)])
    return tuple(reason for reason, side in pairs if _may_read(side, owned))


def _may_read(side: str | None, owned: frozenset[Side]) -> bool:
    if side == BOTH:
        return bool(owned)
    if side is None:
        return owned == frozenset(Side)
    return side in owned

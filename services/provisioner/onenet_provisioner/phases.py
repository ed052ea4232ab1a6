"""What the reconciler does with a link when it is due."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """``WORKING`` leads to what is desired, ``UNDOING`` removes what could not be finished,
    ``WATCHED`` compares and repairs, ``ENDED`` is a tombstone that keeps the generation and,
    when it came to nothing, the answer.
    """

    WORKING = "WORKING"
    UNDOING = "UNDOING"
    WATCHED = "WATCHED"
    ENDED = "ENDED"

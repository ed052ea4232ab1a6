"""Health is shared by both owners, words about an account are not."""

from __future__ import annotations

import pytest

from onenet_api.health.disclosure import told
from onenet_common.connection import Side

LEFT, RIGHT = frozenset({Side.LEFT}), frozenset({Side.RIGHT})
REASONS = ("rtb-1 of the left", "rtb-2 of the right", "pcx-1 of both", "AccessDenied: nobody said where")
SIDES = ("left", "right", "both")


@pytest.mark.parametrize(
    ("owned", "shown"),
    [
        (LEFT, (REASONS[0], REASONS[2])),
        (RIGHT, (REASONS[1], REASONS[2])),
        (LEFT | RIGHT, REASONS),
        (frozenset(), ()),
    ],
)
def test_a_reason_is_for_the_owner_of_the_account_that_it_is_about(
    owned: frozenset[Side], shown: tuple[str, ...]
) -> None:
    assert told(REASONS, SIDES, owned) == shown


def test_sides_without_reasons_say_nothing() -> None:
    assert told((), SIDES, LEFT) == ()

"""Which process is hit when and how: pure, and the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """``KILL`` is kill -9; ``STOP`` is SIGSTOP, and SIGCONT some seconds later."""

    KILL = "kill"
    STOP = "stop"


class Moment(StrEnum):
    """When a blow falls: at once, or when it hurts."""

    ANY = "any time"
    POSTING = "right after a POST"
    PROVISIONING = "in the middle of provisioning"
    REBALANCING = "while its group rebalances"


@dataclass(frozen=True, slots=True)
class Blow:
    """One blow.

    Args:
        after: seconds since the blow before.
        delay: seconds from the moment until it falls.
        seconds: of a stop.
    """

    victim: str
    kind: Kind
    after: float
    moment: Moment = Moment.ANY
    delay: float = 0.0
    seconds: float = 0.0


LONGEST_STOP = 25.0
"""Long enough for another to take a link's lease, a group's partitions and the relay's lock."""

BRIEF_STOP = 8.0
INFRASTRUCTURE = ("broker", "postgres")


def blows(
    victims: Sequence[str], dice: random.Random, *, every: float, longest: float = LONGEST_STOP
) -> Iterator[Blow]:
    """Blows without end. Everybody is hit in every way before anybody is hit the same way again.

    Args:
        victims: names of processes; replicas of one service share the name before the hyphen.
        every: seconds between two blows, on average.
        longest: seconds of a stop, at most.
    """
    while True:
        deck = [(victim, kind) for victim in victims for kind in Kind]
        dice.shuffle(deck)
        for victim, kind in deck:
            yield _blow(victim, kind, dice, every, longest)
            if kind is Kind.KILL and dice.random() < 0.5:
                yield from _second(victim, victims, dice)


def _blow(victim: str, kind: Kind, dice: random.Random, every: float, longest: float) -> Blow:
    longest = min(longest, BRIEF_STOP) if victim in INFRASTRUCTURE else longest
    return Blow(
        victim,
        kind,
        after=dice.uniform(0.5, 1.5) * every,
        moment=_moment(victim, dice),
        delay=dice.uniform(0.0, 0.05),
        seconds=round(dice.uniform(1.0, longest), 1) if kind is Kind.STOP else 0.0,
    )


def _moment(victim: str, dice: random.Random) -> Moment:
    service = victim.partition("-")[0]
    hurting = {"api": Moment.POSTING, "postgres": Moment.POSTING, "provisioner": Moment.PROVISIONING}
    return hurting.get(service, Moment.ANY) if dice.random() < 0.7 else Moment.ANY


def _second(victim: str, victims: Sequence[str], dice: random.Random) -> Iterator[Blow]:
    """The other replica, while the group finds out that the first one is gone."""
    service = victim.partition("-")[0]
    others = [other for other in victims if other != victim and other.partition("-")[0] == service]
    if others:
        after = dice.uniform(0.0, 8.0)
        yield Blow(dice.choice(others), Kind.KILL, after=after, moment=Moment.REBALANCING)

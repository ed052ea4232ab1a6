"""What the API has accepted, and thereby owes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Verb(StrEnum):
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


STATE_AFTER = {Verb.CREATE: "ESTABLISHED", Verb.CHANGE: "ESTABLISHED", Verb.DELETE: "DELETED"}

Pair = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Accepted:
    """One request that was answered with yes, or whose effect was seen after its answer was lost.

    Args:
        tries: how often it was sent.
        at: seconds on the clock of the run.
    """

    connection: UUID
    pair: Pair
    verb: Verb
    tries: int
    at: float


@dataclass
class Ledger:
    """Every accepted request, in the order of acceptance; refused ones are counted alone."""

    entries: list[Accepted] = field(default_factory=list)
    refused: int = 0

    def wanted(self) -> dict[UUID, str]:
        """The state that the last accepted request of each connection asked for."""
        return {one.connection: STATE_AFTER[one.verb] for one in self.entries}

    def pairs(self) -> dict[UUID, Pair]:
        return {one.connection: one.pair for one in self.entries}

    def count(self, verb: Verb) -> int:
        return sum(one.verb is verb for one in self.entries)

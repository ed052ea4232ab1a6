"""A finding: something about the traffic that its owners should know, with evidence and a remedy. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID, uuid5

FINDINGS = UUID("6a0c7c53-6f1e-4a53-9f5b-5d1f0c2f9e11")


class Kind(StrEnum):
    DETOUR = "internet_detour"
    CLEARTEXT = "cleartext"
    REFUSED = "refused"
    IDLE = "idle"
    NEAR_LIMIT = "near_limit"
    COST = "cost_above_estimate"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Args:
    subject: what tells it apart from others of its kind; the same cause gives the same subject.
    resources: the networks that it is about; their owners see it.
    evidence: the figures that it rests on.
    """

    kind: Kind
    subject: str
    severity: Severity
    summary: str
    remedy: str
    resources: tuple[UUID, ...]
    connection: UUID | None = None
    evidence: dict[str, str | int | float | list[str]] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        """The same for the same cause, whoever looks and however often."""
        return uuid5(FINDINGS, f"{self.kind.value} {self.subject}")

"""What those see who look after OneNet."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from onenet_client.models.shapes import Model


class AuditEntry(Model):
    id: UUID | int | str
    time: datetime
    actor: str = ""
    action: str = ""
    object_type: str = ""
    object_id: UUID | str | None = None
    detail: Any = None
    trace_id: str | None = None


class DeadLetter(Model):
    """``source`` is the record that failed; ``attempts`` counts how often it did."""

    id: str
    time: datetime
    topic: str
    code: str = ""
    reason: str = ""
    group: str = ""
    source: str = ""
    attempts: int = 1
    event_id: str = ""
    event_type: str = ""
    trace_id: str = ""
    size: int = 0
    cut: bool = False
    replayed_at: datetime | None = None
    replayed_by: str | None = None


class Bytes(Model):
    """``encoding`` is utf-8 or base64; ``cut`` says that ``data`` is the beginning alone."""

    encoding: str
    data: str
    size: int = 0
    cut: bool = False


class Header(Model):
    name: str
    value: Bytes | None = None


class DeadLetterDetail(DeadLetter):
    key: Bytes | None = None
    value: Bytes | None = None
    headers: tuple[Header, ...] = ()


class ReplayedLetter(Model):
    """``outcome``: replayed, already_replayed, cut (too large to be kept whole) or gone."""

    id: str
    outcome: str


class Replay(Model):
    items: tuple[ReplayedLetter, ...] = ()

"""Dead letters as administrators see and ask for them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from onenet_api.dead_letters.letters import PLACE, Record, Summary
from onenet_api.pages import Moment, Words

LARGEST_SHOWN = 64 * 1024
"""Bytes of a value that are shown."""
MOST = 50
"""Letters that one request replays."""

LetterId = Annotated[
    str,
    Field(
        pattern=PLACE,
        description="Topic, partition and offset of the letter.",
        examples=["onenet.health:3:17"],
    ),
]


class DeadLetterQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(
        default=None, max_length=4000, pattern=r"^[A-Za-z0-9_=-]*$", description="`next` of the page before."
    )
    topic: Words | None = Field(default=None, description="Where it could not be processed.")
    code: Words | None = Field(default=None, description="Such as `wrong_schema`.")
    group: Words | None = Field(default=None, description="The consumer group that gave up.")
    since: Moment | None = None


class Bytes(BaseModel):
    """Bytes of a record: as text where they are UTF-8, base64 otherwise."""

    encoding: Literal["utf-8", "base64"]
    data: str
    size: int = Field(description="Of the whole, in bytes.")
    cut: bool = Field(description="Whether `data` is the beginning alone.")

    @classmethod
    def of(cls, whole: bytes | None) -> Bytes | None:
        if whole is None:
            return None
        part, cut = whole[:LARGEST_SHOWN], len(whole) > LARGEST_SHOWN
        try:
            whole.decode()
        except UnicodeDecodeError:
            text = base64.b64encode(part).decode()
            return cls(encoding="base64", data=text, size=len(whole), cut=cut)
        return cls(encoding="utf-8", data=part.decode(errors="ignore"), size=len(whole), cut=cut)


class HeaderView(BaseModel):
    name: str
    value: Bytes | None


class DeadLetterView(BaseModel):
    """A record that could not be processed, with the reason."""

    model_config = ConfigDict(title="DeadLetter")

    id: LetterId
    time: datetime
    topic: str
    code: str
    reason: str
    group: str
    source: str = Field(description="Topic, partition and offset of the record that failed.")
    attempts: int = Field(description="How often it failed: 1, and one more for each replay.")
    event_id: str
    event_type: str
    trace_id: str
    size: int = Field(description="Of its value, in bytes.")
    cut: bool = Field(description="The original was too large to be kept whole; it cannot be replayed.")
    replayed_at: datetime | None = None
    replayed_by: str | None = None


class DeadLetterDetail(DeadLetterView):
    """A dead letter and what it holds."""

    model_config = ConfigDict(title="DeadLetterDetail")

    key: Bytes | None
    value: Bytes | None
    headers: list[HeaderView]


class ReplayRequest(BaseModel):
    """Letters to put back on their topics; those that were put back before stay as they are."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"ids": ["onenet.health:3:17"]}})

    ids: list[LetterId] = Field(min_length=1, max_length=MOST)


class Outcome(StrEnum):
    """``already_replayed``: once is enough; ``cut``: not kept whole; ``gone``: past its retention."""

    REPLAYED = "replayed"
    ALREADY_REPLAYED = "already_replayed"
    CUT = "cut"
    GONE = "gone"


class ReplayedLetter(BaseModel):
    id: LetterId
    outcome: Outcome


class ReplayView(BaseModel):
    """What became of each letter that was asked for."""

    model_config = ConfigDict(title="Replay")

    items: list[ReplayedLetter]


def fields(letter: Summary) -> dict[str, object]:
    told = asdict(letter)
    del told["place"]
    return told | {"id": str(letter.place), "topic": letter.place.topic}


def contents(record: Record) -> dict[str, object]:
    return {
        "key": Bytes.of(record.key),
        "value": Bytes.of(record.value),
        "headers": _headers(record.headers),
    }


def _headers(headers: Sequence[tuple[str, bytes | None]]) -> list[HeaderView]:
    return [HeaderView(name=name, value=Bytes.of(value)) for name, value in headers]

"""What users ask of the stream of events, and how an event is written on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from onenet_api.events.disclosure import EventView
from onenet_api.events.facts import TYPES
from onenet_api.pages import Moment
from onenet_common.states import Health, State


def _known(text: str) -> str:
    """A type in full, of which the first and the last word may be left out."""
    for known in TYPES:
        if text in (known, known.removeprefix("onenet.").rpartition(".")[0]):
            return known
    raise ValueError(f"there is no event of type {text!r}; known are: {', '.join(TYPES)}")


EventType = Annotated[
    str,
    StringConstraints(max_length=100),
    AfterValidator(_known),
    Field(examples=["connection.established", "onenet.connection.health_changed.v1"]),
]
EventTypes = Annotated[list[EventType], Field(max_length=50)]


class EventQuery(BaseModel):
    """Conditions that all have to hold; of each list, one value has to."""

    model_config = ConfigDict(extra="forbid")

    since: Moment | None = Field(
        default=None,
        description="Begin with what was published then; by default with what comes now.",
    )
    follow: bool = Field(default=True, description="False ends the stream at the present.")
    type: EventTypes = Field(
        default=[], description="May be repeated; `connection.established` will do.", examples=[[]]
    )
    connection: UUID | None = None
    service: UUID | None = Field(
        default=None, description="Of either side, of a provider or resource, or of a finding's networks."
    )
    state: list[State] = Field(
        default=[], max_length=len(State), description="Events that bring a connection into one of these."
    )
    health: list[Health] = Field(
        default=[], max_length=len(Health), description="Events by which health becomes one of these."
    )

    def wants(self, event: EventView) -> bool:
        """Whether an event is asked for. `state` and `health` are of different events: either will do."""
        return (
            (not self.type or event.type in self.type)
            and (self.connection is None or str(self.connection) == _connection(event))
            and (self.service is None or self.service in _services(event))
            and (not (self.state or self.health) or event.state in self.state or event.health in self.health)
        )


def _connection(event: EventView) -> str | None:
    return str(event.connection.id) if event.connection is not None else event.data.get("connection_id")


def _services(event: EventView) -> Sequence[UUID | None]:
    named = event.connection
    if named is not None:
        return named.service_left, named.service_right
    return event.service, *event.services


def begun(position: str, *, retry: int) -> bytes:
    """The first lines: where to resume before there was any event, and after how many milliseconds."""
    return f"retry: {retry}\nid: {position}\n\n".encode()


def told(event: EventView, position: str) -> bytes:
    return f"id: {position}\ndata: {event.model_dump_json()}\n\n".encode()


def still_here(position: str) -> bytes:
    """A comment, and where to resume: what a filter leaves out need not be read again."""
    return f": {datetime.now(UTC).isoformat(timespec='seconds')}\nid: {position}\n\n".encode()


def notice(name: str, code: str, reason: str) -> bytes:
    """Something about the stream itself: ``gap`` or ``end``."""
    return f"event: {name}\ndata: {json.dumps({'code': code, 'reason': reason})}\n\n".encode()

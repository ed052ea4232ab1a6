"""Connections and events for the tests of the API's pure parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from onenet_api.connections import terms
from onenet_api.connections.decisions import Caller
from onenet_api.connections.model import Connection, Consent
from onenet_common.connection import ProviderType, Resource
from onenet_common.envelope import Message
from onenet_common.events import Event
from onenet_common.states import DesiredState, State

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_SPACE = UUID("6f1d3c52-0000-4000-8000-000000000000")
LEFT_SERVICE = uuid5(_SPACE, "left service")
RIGHT_SERVICE = uuid5(_SPACE, "right service")


def network(name: str, subnets: Sequence[str], service: UUID = LEFT_SERVICE, **other: Any) -> Resource:
    fields = {
        "id": uuid5(_SPACE, name),
        "name": f"AWS\\{name}",
        "service": service,
        "provider": uuid5(_SPACE, f"provider of {service}"),
        "provider_type": ProviderType.AWS,
        "account": "111111111111" if service == LEFT_SERVICE else "222222222222",
        "region": "eu-north-1",
        "native_id": name,
        "subnet": subnets[0],
        "subnets": subnets,
    }
    return Resource.model_validate(fields | other)


LEFT = network("vpc-1", ["10.1.0.0/16"])
RIGHT = network("vpc-2", ["10.2.0.0/16"], RIGHT_SERVICE)


def consent(service: UUID, by: str) -> Consent:
    return Consent(service=service, by=by, at=BEGINNING)


def connection(state: State, **other: Any) -> Connection:
    """A connection of two owners, agreed by both unless said otherwise."""
    fields: dict[str, Any] = {
        "id": uuid4(),
        "name": "orders to billing",
        "resource_left": LEFT.id,
        "resource_right": RIGHT.id,
        "service_left": LEFT.service,
        "service_right": RIGHT.service,
        "left": LEFT,
        "right": RIGHT,
        "state": state,
        "desired_state": DesiredState.ESTABLISHED,
        "terms": terms.digest(LEFT, RIGHT, ()),
        "given": (consent(LEFT_SERVICE, "lena"), consent(RIGHT_SERVICE, "ravi")),
        "requested_by": "lena",
        "published_at": BEGINNING,
        "created_at": BEGINNING,
        "updated_at": BEGINNING,
    }
    return Connection(**fields | other)


def message(event: Event, *, minutes: float = 1) -> Message:
    return Message(event, uuid4(), event.producer, "somebody", BEGINNING + timedelta(minutes=minutes))


LENA = Caller("lena", frozenset({LEFT_SERVICE}), BEGINNING + timedelta(hours=1))
RAVI = Caller("ravi", frozenset({RIGHT_SERVICE}), BEGINNING + timedelta(hours=1))
BOTH = Caller("ines", frozenset({LEFT_SERVICE, RIGHT_SERVICE}), BEGINNING + timedelta(hours=1))

"""What was known when follows from the events of a resource and of a connection, in their order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionDeleted,
    ConnectionEstablished,
    ConnectionFailed,
    Event,
    ResourceChanged,
    ResourceDiscovered,
    ResourceEvent,
    ResourceGone,
)
from onenet_monitor.flows.inventory import Link, LinkEnds, Network, link_after, network_after
from tests.samples import LEFT, NOW, deletion_requested, network, requested, wish

WISH = wish()
MOVED = network(LEFT.native_id, "10.8.0.0/16")


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def found(minute: float, **changes: Any) -> ResourceEvent:
    return ResourceDiscovered(**{"resource_id": LEFT.id, "at": at(minute), "resource": LEFT, **changes})


def changed(minute: float) -> ResourceEvent:
    return ResourceChanged(resource_id=LEFT.id, at=at(minute), resource=MOVED, changed=("subnets",))


def gone(minute: float) -> ResourceEvent:
    return ResourceGone(resource_id=LEFT.id, at=at(minute), provider_id=LEFT.provider)


def states(events: Iterable[ResourceEvent]) -> list[tuple[datetime, datetime | None, str]]:
    known: dict[datetime, Network] = {}
    for event in events:
        newest = known[max(known)] if known else None
        known |= {state.valid_from: state for state in network_after(newest, event)}
    return [(one.valid_from, one.valid_until, str(one.subnets[0])) for one in known.values()]


def test_a_network_is_as_announced_until_the_next_word_on_it() -> None:
    told = [found(0), found(1), changed(2), gone(5), gone(6), found(9)]
    assert states(told) == [
        (at(0), at(2), "10.1.0.0/16"),
        (at(2), at(5), "10.8.0.0/16"),
        (at(9), None, "10.1.0.0/16"),
    ]


def test_old_news_of_a_network_change_nothing() -> None:
    assert states([changed(5), found(3), gone(4)]) == [(at(5), None, "10.8.0.0/16")]
    assert states([found(0), gone(5), changed(4)]) == [(at(0), at(5), "10.1.0.0/16")]
    assert states([gone(1)]) == []


@given(st.lists(st.tuples(st.sampled_from([found, changed, gone]), st.integers(0, 9)), max_size=8))
def test_a_network_is_never_two_things_at_once(events: list[Any]) -> None:
    told = sorted(states(event(minute) for event, minute in events))
    for (_, until, _), (since, _, _) in pairwise(told):
        assert until is not None
        assert until <= since


def links(*events: tuple[float, Event]) -> list[tuple[datetime, datetime | None]]:
    ends: LinkEnds | None = None
    known: dict[datetime, Link] = {}
    for minute, event in events:
        sent = Message.of(event)
        ends, link = link_after(ends, Message(sent.event, sent.id, sent.source, sent.actor, at(minute)))
        known |= {link.valid_from: link} if link is not None else {}
    return [(one.valid_from, one.valid_until) for one in known.values()]


def of(kind: type[Event], generation: int = 1, **values: Any) -> Event:
    return kind.model_validate({"connection_id": WISH.id, "generation": generation, **values})


def established(generation: int = 1) -> Event:
    return of(ConnectionEstablished, generation, ctype="AWS_PEERING", details={})


def failed(generation: int, *, reverted: bool) -> Event:
    return of(ConnectionFailed, generation, ctype=None, code="c", reason="r", reverted=reverted)


ASKED = requested(WISH).event
CHANGED = requested(wish(2, id=WISH.id)).event
DELETING = deletion_requested(wish(3, id=WISH.id)).event


def test_a_connection_carries_from_its_establishment_to_its_end() -> None:
    told = [(0, ASKED), (1, established()), (2, CHANGED), (3, established(2)), (4, DELETING)]
    assert links(*told) == [(at(1), None)]
    assert links(*told, (5, of(ConnectionDeleted, 3))) == [(at(1), at(5))]


def test_a_change_that_comes_to_nothing_leaves_it_carrying_unless_it_is_undone() -> None:
    told = [(0, ASKED), (1, established()), (2, CHANGED)]
    assert links(*told, (3, failed(2, reverted=True))) == [(at(1), None)]
    assert links(*told, (3, failed(2, reverted=False))) == [(at(1), at(3))]


def test_an_older_generation_revives_nothing() -> None:
    told = [(0, ASKED), (1, established()), (2, DELETING), (3, of(ConnectionDeleted, 3))]
    assert links(*told, (4, established(2))) == [(at(1), at(3))]


def test_what_was_never_wished_carries_nothing() -> None:
    assert links((1, established()), (2, of(ConnectionDeleted))) == []

"""The judge catches what it is there for, and nothing else. No storm is needed to know."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID, uuid4

from tests.chaos.blows import Blow, Kind, blows
from tests.chaos.clients import intents
from tests.chaos.judge import (
    DeadLetter,
    Peering,
    Published,
    Route,
    Shown,
    Snapshot,
    judge,
    redelivered,
)
from tests.chaos.ledger import Accepted, Ledger, Verb

BEGAN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STANDS, GONE = uuid4(), uuid4()
LEFT, RIGHT = frozenset({"10.1.0.0/24"}), frozenset({"10.2.0.0/24"})
LIFE = ("requested", "evaluated", "established", "deletion_requested", "deleted")
PRODUCERS = {
    "requested": "onenet-api",
    "deletion_requested": "onenet-api",
    "evaluated": "onenet-evaluator",
    "established": "onenet-provisioner",
    "deleted": "onenet-provisioner",
}


def event(connection: UUID, happening: str, second: int, generation: int = 1) -> Published:
    at = BEGAN + timedelta(seconds=second)
    return Published(uuid4(), connection, happening, generation, PRODUCERS[happening], at)


def life(connection: UUID, length: int) -> list[Published]:
    """The first events of a connection that is built and then taken down."""
    return [
        event(connection, happening, second, generation=2 if second > 2 else 1)
        for second, happening in enumerate(LIFE[:length])
    ]


def good() -> Snapshot:
    """One connection that stands and one that is gone, both as they should be."""
    published = [*life(STANDS, 3), *life(GONE, 5)]
    return Snapshot(
        wanted={STANDS: "ESTABLISHED", GONE: "DELETED"},
        shown={
            STANDS: Shown("ESTABLISHED", "vpc-1", "vpc-2", LEFT, RIGHT),
            GONE: Shown("DELETED", "vpc-1", "vpc-3"),
        },
        published=published,
        rebuilt={STANDS: "ESTABLISHED", GONE: "DELETED"},
        timelines={
            one: frozenset(event.id for event in published if event.connection == one)
            for one in (STANDS, GONE)
        },
        peerings=[
            Peering("pcx-1", "vpc-1", "vpc-2", live=True, tagged=frozenset({str(STANDS)})),
            Peering("pcx-2", "vpc-1", "vpc-3", live=False, tagged=frozenset({str(GONE)})),
        ],
        routes=[Route("vpc-1", "10.2.0.0/24", "pcx-1"), Route("vpc-2", "10.1.0.0/24", "pcx-1")],
    )


def broken(seen: Snapshot) -> set[str]:
    return {finding.rule for finding in judge(seen)}


def test_nothing_is_wrong_where_nothing_is_wrong() -> None:
    assert judge(good()) == []


def test_a_wrong_state_is_caught() -> None:
    seen = good()
    assert broken(replace(seen, wanted={**seen.wanted, GONE: "ESTABLISHED"})) == {"wrong_states"}


def test_an_accepted_connection_that_is_not_there_is_caught() -> None:
    assert "wrong_states" in broken(replace(good(), wanted={**good().wanted, uuid4(): "ESTABLISHED"}))


def test_a_connection_that_nobody_was_told_of_is_caught() -> None:
    assert broken(replace(good(), wanted={STANDS: "ESTABLISHED"})) == {"strangers"}


def test_a_doubled_peering_is_caught() -> None:
    seen = good()
    twice = replace(seen.peerings[0], id="pcx-9")
    assert broken(replace(seen, peerings=[twice, *seen.peerings])) == {"peerings", "made_twice"}


def test_a_peering_that_was_made_anew_is_caught() -> None:
    seen = good()
    before = replace(seen.peerings[0], id="pcx-9", live=False)
    assert broken(replace(seen, peerings=[*seen.peerings, before])) == {"made_twice"}


def test_a_missing_peering_is_caught() -> None:
    assert "peerings" in broken(replace(good(), peerings=good().peerings[1:]))


def test_a_peering_of_what_is_deleted_is_caught() -> None:
    seen = good()
    left_over = replace(seen.peerings[1], live=True)
    assert broken(replace(seen, peerings=[seen.peerings[0], left_over])) == {"peerings", "tags"}


def test_a_peering_without_its_tag_is_caught() -> None:
    seen = good()
    bare = replace(seen.peerings[0], tagged=frozenset())
    assert broken(replace(seen, peerings=[bare, seen.peerings[1]])) == {"tags"}


def test_a_missing_and_a_left_over_route_are_caught() -> None:
    seen = good()
    assert broken(replace(seen, routes=seen.routes[1:])) == {"routes"}
    left_over = Route("vpc-1", "10.9.0.0/24", "pcx-2")
    assert broken(replace(seen, routes=[*seen.routes, left_over])) == {"routes"}


def test_an_event_that_never_came_on_the_topic_is_caught() -> None:
    seen = good()
    evaluated = [one for one in seen.published if one.happening != "evaluated"]
    assert broken(replace(seen, published=evaluated)) == {"lost_events"}


def test_a_subscriber_who_has_another_state_than_the_api_is_caught() -> None:
    seen = good()
    assert broken(replace(seen, rebuilt={**seen.rebuilt, GONE: "DELETING"})) == {"subscriber"}


def test_an_event_that_the_api_missed_is_caught() -> None:
    seen = good()
    timelines = {**seen.timelines, STANDS: seen.timelines[STANDS] - {seen.published[2].id}}
    assert broken(replace(seen, timelines=timelines)) == {"lost_events"}


def test_a_wish_that_is_published_again_is_no_news() -> None:
    seen = good()
    again = replace(seen.published[0], id=uuid4(), time=BEGAN + timedelta(seconds=1))
    published = [*seen.published[:1], again, *seen.published[1:]]
    assert broken(replace(seen, published=published)) == set()


def test_events_in_the_wrong_order_are_caught_and_redelivered_ones_are_not() -> None:
    seen = good()
    requested, evaluated, established, leaving, deleted = seen.published[3:]
    repeated = [*seen.published, requested, established]
    assert broken(replace(seen, published=repeated)) == set()
    assert redelivered(repeated) == 2
    swapped = [*seen.published[:3], requested, evaluated, leaving, deleted, established]
    assert "disorder" in broken(replace(seen, published=swapped))


def test_a_dead_letter_is_caught() -> None:
    letter = DeadLetter("onenet.connections", "wrong_schema", "poison")
    assert broken(replace(good(), dead=[letter])) == {"dead_letters"}


def test_the_last_accepted_request_is_what_is_owed() -> None:
    pair = (uuid4(), uuid4())
    verbs = (Verb.CREATE, Verb.CHANGE, Verb.DELETE)
    ledger = Ledger([Accepted(STANDS, pair, verb, 1, float(at)) for at, verb in enumerate(verbs)])
    assert ledger.wanted() == {STANDS: "DELETED"}
    ledger.entries.pop()
    assert ledger.wanted() == {STANDS: "ESTABLISHED"}


VICTIMS = ["api", "api-2", "broker", "postgres", "provisioner", "provisioner-2"]


def _some(seed: int, count: int) -> list[Blow]:
    return list(islice(blows(VICTIMS, random.Random(seed), every=3.0), count))


def test_a_seed_repeats_the_storm_and_another_one_does_not() -> None:
    assert _some(7, 40) == _some(7, 40) != _some(8, 40)
    pairs = [(uuid4(), uuid4()) for _ in range(20)]
    assert intents(pairs, random.Random(7), seconds=60) == intents(pairs, random.Random(7), seconds=60)


def test_everybody_is_killed_and_stopped() -> None:
    assert {(blow.victim, blow.kind) for blow in _some(7, 24)} == {
        (victim, kind) for victim in VICTIMS for kind in Kind
    }

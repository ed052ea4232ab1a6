"""What nothing but a calm run can show is judged, too: a piece of evidence for each rule that breaks it."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from tests.chaos.calm import Change, Evidence, Written, examine
from tests.chaos.judge import Published
from tests.chaos.test_judge import BEGAN

ONE, OTHER = uuid4(), uuid4()
LINK = frozenset(("vpc-1", "vpc-2"))


def published(row: Written) -> Published:
    return Published(row.id, row.connection, "established", 1, row.producer, BEGAN)


def change(key: str, what: str, began: float) -> Change:
    return Change(LINK, "111111111111", key, what, began, began + 1.0)


def good() -> Evidence:
    """Two services tell of two connections, and a link is handed from one worker to another."""
    written = [
        Written(uuid4(), connection, producer)
        for producer in ("onenet-api", "onenet-provisioner")
        for connection in (ONE, OTHER, ONE)
    ]
    evaluated = Published(uuid4(), ONE, "evaluated", 1, "onenet-evaluator", BEGAN)
    return Evidence(
        written=written,
        published=[*map(published, written), evaluated, evaluated],
        changes=[change("A", "accept", 0.0), change("A", "route", 0.5), change("B", "tag", 1.5)],
        shown={ONE: {"state": "ESTABLISHED"}},
        folded={ONE: {"state": "ESTABLISHED"}},
    )


def broken(seen: Evidence) -> set[str]:
    return {finding.rule for finding in examine(seen)}


def test_nothing_is_wrong_where_nothing_is_wrong() -> None:
    assert examine(good()) == []


def test_two_workers_of_one_link_are_caught() -> None:
    seen = good()
    assert broken(replace(seen, changes=[*seen.changes, change("B", "tag", 0.9)])) == {"two_at_once"}


def test_work_on_another_link_and_in_another_account_is_nobody_elses() -> None:
    seen = good()
    elsewhere = [
        replace(change("B", "tag", 0.9), link=frozenset(("vpc-1", "vpc-3"))),
        replace(change("B", "tag", 0.9), account="222222222222"),
    ]
    assert broken(replace(seen, changes=[*seen.changes, *elsewhere])) == set()


def test_a_worker_who_does_the_same_twice_at_once_is_caught() -> None:
    seen = good()
    assert broken(replace(seen, changes=[*seen.changes, change("A", "accept", 0.9)])) == {"two_at_once"}


def test_an_outbox_in_another_order_is_caught() -> None:
    seen = good()
    first, second, third, *others = seen.published
    assert broken(replace(seen, published=[third, second, first, *others])) == {"order"}
    assert broken(replace(seen, published=[second, first, third, *others])) == set()


def test_what_an_outbox_held_and_nobody_saw_is_caught() -> None:
    seen = good()
    assert broken(replace(seen, published=seen.published[1:])) == {"order"}


def test_what_no_outbox_held_is_caught() -> None:
    seen = good()
    assert broken(replace(seen, written=seen.written[1:])) == {"order"}


def test_what_came_twice_from_an_outbox_is_caught() -> None:
    seen = good()
    assert broken(replace(seen, published=[*seen.published, seen.published[0]])) == {"twice"}


def test_a_view_that_is_not_what_the_events_tell_is_caught() -> None:
    seen = good()
    assert broken(replace(seen, folded={ONE: {"state": "DELETING"}})) == {"projection"}
    assert broken(replace(seen, folded={})) == {"projection"}

"""What is done to a topic follows from what it is and what it should be."""

from __future__ import annotations

import pytest

from onenet_common.topic_differences import REORDERS, Found, difference

WANTED = {"cleanup.policy": "delete", "retention.ms": "1000"}


def found(partitions: int, **values: str) -> Found:
    told = WANTED | {name.replace("_", "."): value for name, value in values.items()}
    return Found(partitions, told, {})


def test_a_topic_that_is_missing_is_created() -> None:
    different = difference("t", None, 4, WANTED)
    assert different is not None
    assert different.missing


@pytest.mark.parametrize("partitions", [4, 9])
def test_enough_partitions_and_the_right_retention_are_left_alone(partitions: int) -> None:
    assert difference("t", found(partitions), 4, WANTED) is None


def test_only_what_differs_is_changed() -> None:
    different = difference("t", found(4, retention_ms="999"), 4, WANTED)
    assert different is not None
    assert (different.configuration, different.partitions) == ({"retention.ms": "1000"}, None)
    assert different.words == ("retention.ms: 999 -> 1000",)


def test_more_partitions_come_with_a_warning_of_the_order_of_keys() -> None:
    different = difference("t", found(3), 4, WANTED)
    assert different is not None
    assert different.partitions == 4
    assert REORDERS in different.words[0]


def test_a_value_that_the_broker_does_not_tell_counts_as_different() -> None:
    different = difference("t", Found(4, {}, {}), 4, WANTED)
    assert different is not None
    assert different.configuration == WANTED

"""What a look at a provider means for what was announced of it."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from onenet_common.connection import Quota, Resource
from onenet_common.events import Event, ResourceChanged, ResourceDiscovered, ResourceGone
from onenet_provisioner.discovering import differences
from tests.samples import NOW, network

names = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["10.1.0.0/16", "10.2.0.0/16"]))


def world(blocks: dict[str, str]) -> list[Resource]:
    return [network(name, block) for name, block in blocks.items()]


def announced(known: dict[UUID, Resource], events: list[Event]) -> dict[UUID, Resource]:
    """What a reader of the events holds."""
    held = dict(known)
    for event in events:
        match event:
            case ResourceDiscovered(resource=resource) | ResourceChanged(resource=resource):
                held[resource.id] = resource
            case ResourceGone(resource_id=resource_id):
                del held[resource_id]
    return held


@given(names, names, st.booleans())
def test_the_events_lead_from_what_was_known_to_what_is_there(
    before: dict[str, str], now: dict[str, str], announce_all: bool
) -> None:
    known = {resource.id: resource for resource in world(before)}
    seen = world(now)

    events = differences(known, seen, NOW, announce_all=announce_all)

    assert announced(known, events) == {resource.id: resource for resource in seen}


@given(names)
def test_what_did_not_change_is_announced_only_when_asked_for(blocks: dict[str, str]) -> None:
    known = {resource.id: resource for resource in world(blocks)}
    assert differences(known, world(blocks), NOW, announce_all=False) == []
    assert len(differences(known, world(blocks), NOW, announce_all=True)) == len(blocks)


def test_a_change_names_the_fields_that_differ() -> None:
    before = network("a", "10.1.0.0/16")
    now = network("a", "10.1.0.0/16", "10.9.0.0/16", quotas={"peerings": Quota(used=1, limit=50)})
    [event] = differences({before.id: before}, [now], NOW, announce_all=False)
    assert isinstance(event, ResourceChanged)
    assert event.changed == ("subnets", "quotas")

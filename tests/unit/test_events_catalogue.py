"""The published contract: every event is described, nothing is out of date, breaks are found."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any, get_args

import pytest
import yaml

from onenet_common import catalogue
from onenet_common.catalogue import FOLDER, TOPICS, breaking_changes, files, schema_of
from onenet_common.dead_letters import topic_of
from onenet_common.events import EVENTS, ConnectionEvaluated, ConnectionEvent, Event, Producer
from onenet_common.topics import CONFIGURATION

TYPE = re.compile(r"onenet\.(connection|provider|resource|webhook|health|finding)\.[a-z]+(_[a-z]+)*\.v[1-9]")


def leaves(event: type[Event]) -> set[type[Event]]:
    below = event.__subclasses__()
    return {leaf for kind in below for leaf in leaves(kind)} if below else {event}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_every_event_has_type_topic_producer_and_schema(event: type[Event]) -> None:
    assert TYPE.fullmatch(event.type)
    assert event.topic in TOPICS
    assert event.producer in get_args(Producer)
    assert (FOLDER / f"{event.type}.json").exists()
    assert event.model_config["frozen"]
    assert event.model_config["extra"] == "ignore", "readers would refuse fields of a newer release"


def test_no_event_class_is_left_out_of_the_catalogue() -> None:
    assert leaves(Event) == set(EVENTS.values())


def test_every_topic_with_its_dead_letters_is_created_and_described() -> None:
    assert set(TOPICS) == set(CONFIGURATION)
    channels = yaml.safe_load(files()["asyncapi.yaml"])["channels"]
    assert set(channels) == {*TOPICS, *map(topic_of, TOPICS)}


def test_events_of_a_connection_share_its_order() -> None:
    for event in EVENTS.values():
        if issubclass(event, ConnectionEvent):
            assert event.topic == "onenet.connections"
            assert "connection_id" in event.model_fields


def test_the_published_files_are_those_that_the_code_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogue.main(["check"]) == 0, capsys.readouterr().err
    assert {path.name for path in FOLDER.iterdir()} == set(files())


def test_a_stray_argument_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogue.main(["publish"]) == 2
    assert "write|check" in capsys.readouterr().err


def changed(change: Any) -> list[str]:
    before = schema_of(ConnectionEvaluated)
    now = deepcopy(before)
    change(now)
    return list(breaking_changes(before, now))


def test_what_did_not_change_breaks_nobody() -> None:
    assert changed(lambda schema: None) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda schema: schema["properties"].pop("ctype"), "ctype was removed"),
        (lambda schema: schema["$defs"]["Wish"]["properties"].pop("left"), "Wish.left was removed"),
        (lambda schema: schema["required"].remove("generation"), "generation is not certain any more"),
        (
            lambda schema: schema["properties"]["generation"].update(type="string"),
            "generation.type was integer and is string",
        ),
        (
            lambda schema: schema["properties"]["alternatives"]["items"].update({"$ref": "#/$defs/Step"}),
            "alternatives.$ref was #/$defs/Alternative and is #/$defs/Step",
        ),
        (lambda schema: schema["$defs"]["Protocol"]["enum"].append("sctp"), "Protocol.may now be ['sctp']"),
        (
            lambda schema: schema["$defs"]["Alternative"]["properties"]["score"]["anyOf"].append(
                {"type": "string"}
            ),
            "Alternative.score.may now be [{'type': 'string'}]",
        ),
        (
            lambda schema: schema["$defs"]["Resource"]["properties"]["tags"]["additionalProperties"].update(
                type="integer"
            ),
            "Resource.tags.type was string and is integer",
        ),
    ],
)
def test_what_a_subscriber_could_not_read_any_more_is_found(change: Any, finding: str) -> None:
    assert changed(change) == [finding]


def test_a_further_field_breaks_nobody() -> None:
    def add(schema: Any) -> None:
        schema["properties"]["colour"] = {"type": "string"}
        schema["$defs"]["Wish"]["properties"]["colour"] = {"type": "string"}
        schema["$defs"]["Wish"]["required"].append("colour")

    assert changed(add) == []

"""The published contract: JSON Schemas and the AsyncAPI 3 document, made from the event classes.

``python -m onenet_common.catalogue write`` makes the files under ``schemas/`` anew, ``check``
says what is out of date and which change would break a subscriber.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from onenet_common import events
from onenet_common.dead_letters import topic_of
from onenet_common.events import EVENTS, Event

FOLDER = Path(__file__).parent / "schemas"
HEADERS = (
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_subject",
    "ce_time",
    "ce_actor",
    "traceparent",
)

TOPICS = {
    events.CONNECTIONS: "The life of connections, keyed by connection; the contract for other systems.",
    events.INVENTORY: "Providers and resources, keyed by their ids; compacted.",
    events.HEALTH: "Health samples, keyed by connection.",
    events.FLOWS: "Flow logs as their exporters write them, keyed by exporter.",
    events.FINDINGS: "What traffic shows that its owners should know, keyed by finding.",
}


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event's value as it is written."""
    schema = event.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": event.type, **schema}


def files() -> dict[str, str]:
    """Every generated file by name."""
    made = {f"{name}.json": json.dumps(schema_of(event), indent=2) + "\n" for name, event in EVENTS.items()}
    made["asyncapi.yaml"] = yaml.safe_dump(asyncapi(), sort_keys=False, width=100)
    return made


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: one channel a topic, one operation a producer and type."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for topic, description in TOPICS.items():
        names = [name for name, event in EVENTS.items() if event.topic == topic]
        channels[topic] = {
            "address": topic,
            "description": description,
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        }
        channels[topic_of(topic)] = {
            "address": topic_of(topic),
            "description": f"What could not be processed of {topic}: key, value and headers as they "
            "came, with onenet_error, onenet_error_code, onenet_group and onenet_source beside them.",
        }
        for name in names:
            operations[f"send {name}"] = {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic}"},
                "summary": f"Published by {EVENTS[name].producer}.",
                "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"}],
            }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OneNet events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in Kafka's binary mode: attributes are ce_* headers, the value "
            "is JSON. Delivered at least once; drop repeats by ce_id. Events of one key are in order.",
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {name: _message(name, event) for name, event in EVENTS.items()},
            "schemas": {"headers": _headers()},
        },
    }


def breaking_changes(before: dict[str, Any], now: dict[str, Any], place: str = "") -> Iterator[str]:
    """What a subscriber written against ``before`` could not read any more.

    Fields may be added. What was there must stay: present fields, their types, the certainty
    that a required one comes, and no value that an enumeration did not list.
    """
    yield from _changed_value(before, now, place)
    for name, schema in before.get("properties", {}).items():
        if name not in now.get("properties", {}):
            yield f"{place}{name} was removed"
        else:
            yield from breaking_changes(schema, now["properties"][name], f"{place}{name}.")
    for name in set(before.get("required", [])) - set(now.get("required", [])):
        yield f"{place}{name} is not certain any more"
    for name, schema in before.get("$defs", {}).items():
        yield from breaking_changes(schema, now.get("$defs", {}).get(name, {}), f"{name}.")
    for keyword in ("items", "additionalProperties"):
        if isinstance(before.get(keyword), dict):
            after = now.get(keyword)
            yield from breaking_changes(before[keyword], after if isinstance(after, dict) else {}, place)


def _changed_value(before: dict[str, Any], now: dict[str, Any], place: str) -> Iterator[str]:
    for keyword in ("type", "format", "$ref", "const"):
        if before.get(keyword) != now.get(keyword):
            yield f"{place}{keyword} was {before.get(keyword)} and is {now.get(keyword)}"
    for keyword in ("enum", "anyOf"):
        added = [value for value in now.get(keyword, []) if value not in before.get(keyword, [])]
        if keyword in before and added:
            yield f"{place}may now be {added}"


def _message(name: str, event: type[Event]) -> dict[str, Any]:
    return {
        "name": name,
        "summary": (event.__doc__ or name).strip().splitlines()[0],
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/headers"},
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./{name}.json"},
        },
    }


def _headers() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in HEADERS},
        "required": ["ce_specversion", "ce_id", "ce_type", "ce_source"],
    }


def _outdated() -> Iterator[str]:
    for name, text in files().items():
        path = FOLDER / name
        if not path.exists() or path.read_text() != text:
            yield f"{name} is out of date; run: python -m onenet_common.catalogue write"
            if path.exists() and name.endswith(".json"):
                yield from (
                    f"{name}: breaks subscribers: {change}"
                    for change in breaking_changes(json.loads(path.read_text()), json.loads(text))
                )


def main(arguments: list[str]) -> int:
    """Run ``write`` or ``check``; the exit code is 1 when something is out of date."""
    if arguments == ["write"]:
        FOLDER.mkdir(exist_ok=True)
        for name, text in files().items():
            (FOLDER / name).write_text(text)
        return 0
    if arguments == ["check"]:
        problems = list(_outdated())
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return 1 if problems else 0
    sys.stderr.write("usage: python -m onenet_common.catalogue write|check\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

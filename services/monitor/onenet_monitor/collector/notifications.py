"""What a message of the queue says has been delivered. Pure.

S3 writes to the queue itself, or by an SNS topic, or by EventBridge, or by EventBridge and a topic;
each wraps the same facts otherwise. Source: Amazon S3 user guide, event message structure, and
EventBridge event message structure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from onenet_common.errors import Malformed


@dataclass(frozen=True, slots=True)
class Delivered:
    """An object that was written."""

    bucket: str
    key: str


def delivered(body: str) -> tuple[Delivered, ...]:
    """The objects that a message tells of, each once; none for test events and removals.

    Raises:
        Malformed: it is no notification of S3.
    """
    try:
        return tuple(dict.fromkeys(_objects(_opened(json.loads(body)))))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Malformed(f"no notification of S3: {error!r}") from error


def _opened(notice: Any) -> Mapping[str, Any]:
    """Without the envelope of SNS, if it came in one."""
    if notice.get("Type") == "Notification":
        notice = json.loads(notice["Message"])
    if not isinstance(notice, Mapping):
        raise TypeError("an object is expected")
    return notice


def _objects(notice: Mapping[str, Any]) -> Iterator[Delivered]:
    if notice.get("Event") == "s3:TestEvent":
        return
    if notice.get("source") == "aws.s3":
        yield from _of_eventbridge(notice)
        return
    for record in notice["Records"]:
        if record["eventSource"] != "aws:s3":
            raise ValueError(f"from {record['eventSource']}")
        if record["eventName"].startswith(("ObjectCreated:", "s3:ObjectCreated:")):
            yield _delivered(record["s3"], unquote_plus(record["s3"]["object"]["key"]))


def _of_eventbridge(notice: Mapping[str, Any]) -> Iterator[Delivered]:
    """EventBridge, other than S3 itself, writes keys as they are."""
    if notice["detail-type"] == "Object Created":
        yield _delivered(notice["detail"], notice["detail"]["object"]["key"])


def _delivered(place: Mapping[str, Any], key: Any) -> Delivered:
    bucket = place["bucket"]["name"]
    if not (isinstance(bucket, str) and bucket and isinstance(key, str) and key):
        raise ValueError("bucket and key are expected as text")
    return Delivered(bucket, key)

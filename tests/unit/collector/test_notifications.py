"""Whatever way a notification comes, the objects that it tells of are found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from onenet_common.errors import Malformed
from onenet_monitor.collector.notifications import Delivered, delivered

KEY = "logs/AWSLogs/111111111111/a b+c=ü.log.gz"
ENCODED = "logs/AWSLogs/111111111111/a+b%2Bc%3D%C3%BC.log.gz"
OBJECT = Delivered("flows", KEY)


def record(name: str = "ObjectCreated:Put", key: str = ENCODED, **changes: Any) -> dict[str, Any]:
    s3 = {"bucket": {"name": "flows"}, "object": {"key": key, "eTag": "e", "sequencer": "1"}}
    return {"eventSource": "aws:s3", "eventName": name, "s3": s3, **changes}


def event(detail_type: str = "Object Created") -> dict[str, Any]:
    detail = {"bucket": {"name": "flows"}, "object": {"key": KEY, "etag": "e"}}
    return {"version": "0", "source": "aws.s3", "detail-type": detail_type, "detail": detail}


def wrapped(notice: Any) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": json.dumps(notice)}


@pytest.mark.parametrize(
    "notice",
    [
        {"Records": [record()]},
        {"Records": [record("ObjectCreated:CompleteMultipartUpload"), record()]},
        {"Records": [record("ObjectRemoved:Delete", "another"), record()]},
        event(),
        wrapped({"Records": [record()]}),
        wrapped(event()),
    ],
    ids=["S3", "twice", "after a removal", "EventBridge", "S3 by SNS", "EventBridge by SNS"],
)
def test_the_object_is_found_under_its_real_key(notice: Any) -> None:
    assert delivered(json.dumps(notice)) == (OBJECT,)


@pytest.mark.parametrize(
    "notice",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "flows"},
        wrapped({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "flows"}),
        {"Records": []},
        {"Records": [record("ObjectRemoved:Delete")]},
        event("Object Deleted"),
    ],
    ids=["test event", "test event by SNS", "nothing", "removal", "removal by EventBridge"],
)
def test_what_tells_of_nothing_new_is_no_error(notice: Any) -> None:
    assert delivered(json.dumps(notice)) == ()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "null",
        "{}",
        '{"Records": [{}]}',
        '{"Records": {}, "Type": "Notification"}',
        json.dumps({"Records": [record(key="")]}),
        json.dumps({"Records": [record(eventSource="aws:ses")]}),
        json.dumps({"Records": [record(s3={"bucket": {"name": 7}, "object": {"key": "k"}})]}),
        json.dumps({"Type": "Notification", "Message": "7"}),
        json.dumps({"Type": "SubscriptionConfirmation", "Message": "confirm"}),
        json.dumps({"source": "aws.s3", "detail-type": "Object Created"}),
    ],
)
def test_what_is_no_notification_is_said_to_be_none(body: str) -> None:
    with pytest.raises(Malformed):
        delivered(body)

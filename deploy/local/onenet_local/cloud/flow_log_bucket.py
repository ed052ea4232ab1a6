"""Where flow logs are delivered to: a bucket, and the queue that tells of its files.

An operator makes them before anything else, so that they are here from the cloud's start, and again after
a crash of it.
"""

from __future__ import annotations

import json

from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from onenet_local.cloud.handle import HUB_ACCOUNT

PARTITION = "aws"
TRIES = 5
"""Of one message, until the queue puts it aside."""


def make(name: str, region: str) -> None:
    """Make bucket and queue, both of this name, in OneNet's own account."""
    queues = sqs_backends[HUB_ACCOUNT][region]
    aside = queues.create_queue(f"{name}-aside")
    redrive = {"deadLetterTargetArn": aside.queue_arn, "maxReceiveCount": TRIES}
    queue = queues.create_queue(name, RedrivePolicy=json.dumps(redrive))
    bucket = s3_backends[HUB_ACCOUNT][PARTITION].create_bucket(name, region)
    told = {"Queue": queue.queue_arn, "Event": ["s3:ObjectCreated:*"]}
    bucket.set_notification_configuration({"QueueConfiguration": [told]})

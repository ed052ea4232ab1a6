"""What the collector can be told."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, model_validator

from onenet_common.settings import Settings

_QUEUE = re.compile(r"https://sqs\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/\d{12}/[\w-]+(\.fifo)?")


def _named(name: str) -> str:
    return f"ONENET_COLLECTOR_{name}"


class CollectorSettings(Settings):
    """Times in seconds.

    Args:
        queue_url: of the SQS queue that tells of new files.
        aws_region: of the queue, when its URL does not say.
        aws_endpoint_url: where AWS's APIs are, when not at AWS.
        concurrency: files in hand at once.
        poll: that one call waits for a message.
        hidden: that a message in hand is hidden from others; it is hidden again in time.
        largest_file: bytes of text after which the rest of a file is left out.
    """

    queue_url: str = Field(validation_alias=_named("QUEUE_URL"), pattern="^https?://")
    aws_region: str | None = Field(default=None, validation_alias=_named("AWS_REGION"))
    aws_endpoint_url: str | None = Field(default=None, validation_alias=_named("AWS_ENDPOINT_URL"))
    concurrency: int = Field(default=4, ge=1, le=64, validation_alias=_named("CONCURRENCY"))
    poll: int = Field(default=20, ge=0, le=20, validation_alias=_named("POLL"))
    hidden: int = Field(default=60, ge=1, le=43_200, validation_alias=_named("HIDDEN"))
    largest_file: int = Field(default=8 * 1024**3, ge=1_000_000, validation_alias=_named("LARGEST_FILE"))

    @model_validator(mode="after")
    def _knows_its_region(self) -> Self:
        if self.aws_region is None and not _QUEUE.fullmatch(self.queue_url):
            raise ValueError(
                f"{_named('AWS_REGION')}: {self.queue_url!r} does not say in which region the queue is"
            )
        return self

    @property
    def region(self) -> str:
        found = _QUEUE.fullmatch(self.queue_url)
        return self.aws_region or (found["region"] if found else "")

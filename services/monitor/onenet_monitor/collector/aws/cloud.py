"""The queue that tells of files, and the buckets that hold them.

Credentials are found as AWS's SDKs find them; they are the collector's own role's, which may read this queue
and these buckets and nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aioboto3 import Session
from aiobotocore.config import AioConfig

from onenet_monitor.collector.aws.translation import translated
from onenet_monitor.collector.identities import File
from onenet_monitor.collector.notifications import Delivered
from onenet_monitor.collector.source import Depth, Download, Letter

CONNECT_SECONDS = 5
READ_SECONDS = 30
"""Longer than any long poll, which takes up to 20."""

ATTEMPTS = 3
"""Every call here may be repeated: what a lost answer of ReceiveMessage held comes back by itself."""

BLOCK = 64 * 1024
"""Bytes taken from a download at a time."""


class Cloud:
    """Clients of SQS and S3: a queue and a store, and a component.

    Args:
        queue_url: of the queue.
        endpoint_url: another address for every AWS service, such as the local cloud's.
        hidden: seconds for which a message that was received, or asked for again, is hidden from others.
        poll: seconds that one call waits for a message.
        connections: to each service, at the most.
    """

    def __init__(
        self,
        queue_url: str,
        *,
        region: str,
        endpoint_url: str | None,
        hidden: int,
        poll: int,
        connections: int,
    ) -> None:
        self._queue = queue_url
        self._region = region
        self._endpoint_url = endpoint_url
        self._hidden = hidden
        self._poll = poll
        # Virtual hosts' names lead to AWS alone.
        addressing = {"addressing_style": "path"} if endpoint_url else {}
        self._config = AioConfig(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            user_agent_extra="onenet-collector",
            s3=addressing,
        )
        self._open = AsyncExitStack()
        self._sqs: Any = None
        self._s3: Any = None

    async def start(self) -> None:
        """Make the clients; nothing is called yet."""
        session = Session()
        for name in ("sqs", "s3"):
            client = session.client(
                name, region_name=self._region, endpoint_url=self._endpoint_url, config=self._config
            )
            setattr(self, f"_{name}", await self._open.enter_async_context(client))

    async def stop(self) -> None:
        await self._open.aclose()

    async def receive(self) -> Letter | None:
        with translated():
            answer = await self._sqs.receive_message(
                QueueUrl=self._queue,
                MaxNumberOfMessages=1,
                WaitTimeSeconds=self._poll,
                VisibilityTimeout=self._hidden,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        for message in answer.get("Messages", ()):
            sent_at = _moment(message.get("Attributes", {}).get("SentTimestamp"))
            return Letter(message["MessageId"], message["Body"], message["ReceiptHandle"], sent_at)
        return None

    async def depth(self) -> Depth:
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        with translated():
            answer = await self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=list(names))
        return Depth(*(int(answer["Attributes"][name]) for name in names))

    async def hide(self, letter: Letter) -> None:
        await self._change(letter, self._hidden)

    async def release(self, letter: Letter) -> None:
        await self._change(letter, 0)

    async def delete(self, letter: Letter) -> None:
        with translated():
            await self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=letter.receipt)

    @asynccontextmanager
    async def download(self, found: Delivered) -> AsyncIterator[Download]:
        with translated():
            answer = await self._s3.get_object(Bucket=found.bucket, Key=found.key)
            body = answer["Body"]
        try:
            file = File(found.bucket, found.key, answer["ETag"].strip('"'))
            yield Download(file, answer["LastModified"], _blocks(body))
        finally:
            # Without this, an object that is left half read would be read to its end by the pool.
            body.close()

    async def _change(self, letter: Letter, seconds: int) -> None:
        with translated():
            await self._sqs.change_message_visibility(
                QueueUrl=self._queue, ReceiptHandle=letter.receipt, VisibilityTimeout=seconds
            )


def _moment(milliseconds: str | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


async def _blocks(body: Any) -> AsyncIterator[bytes]:
    while True:
        with translated():
            block = await body.read(BLOCK)
        if not block:
            return
        yield block

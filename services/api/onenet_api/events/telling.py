"""The consumer by which events become deliveries: once in effect, in the transaction of the inbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from onenet_api.events import audience
from onenet_api.events.facts import TYPES, of_message
from onenet_api.findings import marks
from onenet_api.mail import store as mail
from onenet_api.webhooks import queue
from onenet_common import inbox
from onenet_common.bus import Processor
from onenet_common.database import Connection, Database
from onenet_common.envelope import Message
from onenet_common.telemetry import meter

CONSUMER = "onenet-api-telling"
HANDLED = frozenset(TYPES)

_queued = meter.create_counter("onenet.webhooks.queued", description="Deliveries that are to be made")
_lines = meter.create_counter("onenet.mail.lines", description="Events that are to be told by mail")

_ANYBODY = "SELECT EXISTS (SELECT FROM webhooks WHERE enabled) OR EXISTS (SELECT FROM mail_recipients)"


def wanted(database: Database) -> Callable[[], Awaitable[bool]]:
    """Whether anybody wants to be told: reading each event once more has its price."""

    async def anybody() -> bool:
        async with database.acquire() as connection:
            return bool(await connection.fetchval(_ANYBODY))

    return anybody


def telling(database: Database) -> Processor:
    """Takes events in one transaction with the inbox."""

    async def process(messages: Sequence[Message]) -> None:
        async with database.transaction() as connection:
            await tell(connection, await inbox.unseen(connection, CONSUMER, messages))

    return process


async def tell(connection: Connection, messages: Sequence[Message]) -> None:
    """Have these events told to those whom they concern and who want to be.

    What waits already is told, whatever its owners mark afterwards.
    """
    facts = [fact for message in messages if (fact := of_message(message)) is not None]
    concerns = await marks.not_hushed(connection, await audience.concerns(connection, facts))
    _queued.add(await queue.enqueue(connection, concerns))
    _lines.add(await mail.enqueue(connection, concerns))

"""A process that delivers and does nothing else, so that it can be killed: URL, schema, keys as arguments."""

from __future__ import annotations

import asyncio
import sys

from pydantic import SecretStr

from onenet_api.webhooks.sealing import Seals
from onenet_api.webhooks.sending import Sender
from onenet_api.webhooks.worker import Deliveries
from onenet_common.database import Database


async def deliver(url: str, schema: str, keys: str) -> None:
    database = Database(url, schema=schema, size=4)
    await database.start()
    sender = Sender(timeout=1, loopback=True)
    await Deliveries(database, sender, Seals(SecretStr(keys)), patience=60).start()
    await asyncio.Event().wait()


asyncio.run(deliver(*sys.argv[1:]))

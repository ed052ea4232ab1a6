"""Sends what is due by mail, one recipient at a time, in every replica."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import structlog

from onenet_api.mail import store
from onenet_api.mail.digest import compose
from onenet_api.mail.smtp import Smtp
from onenet_common.background import Background
from onenet_common.database import Database
from onenet_common.errors import Permanent, Transient
from onenet_common.telemetry import meter

log = structlog.get_logger(__name__)
_mails = meter.create_counter("onenet.mails", description="Mails by outcome: sent, later, refused, given_up")

POLL = 2.0
"""Seconds between two looks."""
LEASE = 120.0
"""Seconds for which a recipient is one worker's: more than a conversation with the server takes."""
LONGEST_PAUSE = 1800.0


class Mailer:
    """A component.

    A process that dies between the server's acceptance and the commit sends the mail again, under the
    same Message-ID.

    Args:
        sender: the address that mails come from.
    """

    def __init__(self, database: Database, smtp: Smtp, sender: str) -> None:
        self._database = database
        self._smtp = smtp
        self._sender = sender
        self._mailing = Background("send mails", self.send_due, interval=POLL)

    async def start(self) -> None:
        for outcome in ("sent", "later", "refused", "given_up"):
            _mails.add(0, {"outcome": outcome})
        self._mailing.start()

    async def stop(self) -> None:
        await self._mailing.stop(grace=3)

    async def send_due(self) -> None:
        """Send all that is due now."""
        while not self._mailing.stopping.is_set() and await self._send_one():
            pass

    async def _send_one(self) -> bool:
        async with self._database.transaction() as connection:
            due = await store.claim(connection, lease=LEASE)
        if due is None:
            return False
        outcome, again_in = "sent", None
        try:
            await self._smtp.send(compose(self._sender, due.address, due.lines, datetime.now(UTC)))
        except Permanent as error:
            outcome = "refused"
            log.warning("mail.refused", code=error.code, reason=error.reason)
        except Transient as error:
            outcome, again_in = "later", pause(due.attempts)
            log.warning("mail.later", code=error.code, reason=error.reason, retry_in=again_in)
        async with self._database.transaction() as connection:
            given_up = await store.settle(connection, due, again_in=again_in)
        _mails.add(1, {"outcome": outcome})
        if given_up:
            _mails.add(1, {"outcome": "given_up"})
        return True


def pause(attempts: int) -> float:
    """Seconds until the next try: doubling from half a minute, half of it jitter."""
    return min(LONGEST_PAUSE, 30.0 * 2.0 ** min(attempts, 20)) * random.uniform(0.5, 1.0)

"""What a service's schema no longer needs is deleted a little at a time."""

from __future__ import annotations

from dataclasses import dataclass

from onenet_common.background import Background
from onenet_common.database import Database
from onenet_common.inbox import RETENTION_DAYS
from onenet_common.telemetry import meter

SECONDS = 600.0
LARGEST_BATCH = 10_000

_deleted = meter.create_counter("onenet.housekeeping.deleted", description="Rows past their retention")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the rows of one table are kept.

    Args:
        table: in the service's schema; it must have an index that starts with ``since``, and has ``only``
            for its condition where there is one.
        since: the column from whose time on the days count.
        only: which rows, as SQL; the others are kept for ever.
    """

    table: str
    since: str
    days: int
    only: str = "true"

    def deletion(self) -> str:
        """A statement for one batch; $1 days, $2 rows at most.

        Rows that somebody else has in hand, a handler or another replica, are passed over.
        """
        return (
            f"DELETE FROM {self.table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {self.table} "
            f"WHERE {self.since} < now() - make_interval(days => $1) AND {self.only} "
            f"ORDER BY {self.since} LIMIT $2 FOR UPDATE SKIP LOCKED))"
        )


INBOX = Retention("inbox", "received_at", RETENTION_DAYS)


class Housekeeping:
    """Deletes what is past its retention, in every schema the inbox too.

    A batch is one statement and commits by itself: the process may die after any, and several
    replicas may clean side by side.

    Args:
        interval: seconds between two rounds.
        batch: rows that one statement deletes.
    """

    def __init__(
        self,
        database: Database,
        *retentions: Retention,
        interval: float = SECONDS,
        batch: int = LARGEST_BATCH,
    ) -> None:
        self._database = database
        self._retentions = (INBOX, *retentions)
        self._batch = batch
        self._cleaning = Background(f"clean {database.schema}", self.clean, interval=interval)

    async def start(self) -> None:
        self._cleaning.start()

    async def stop(self) -> None:
        await self._cleaning.stop()

    async def clean(self) -> None:
        """Delete all that is due now."""
        for retention in self._retentions:
            while await self._delete(retention) == self._batch:
                pass

    async def _delete(self, retention: Retention) -> int:
        async with self._database.acquire() as connection:
            status = await connection.execute(retention.deletion(), retention.days, self._batch)
        rows = int(status.split()[-1])
        _deleted.add(rows, {"table": retention.table})
        return rows

"""Lists in pages: a cursor says after which row the next page starts (keyset paging)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import asyncpg
import structlog
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from onenet_api.problems import invalid
from onenet_common.database import Connection

log = structlog.get_logger(__name__)
Item = TypeVar("Item")

TIMES = ("time", "created_at", "updated_at", "opened_at", "first_seen", "last_seen")
"""Sortable fields that hold times; all others hold text."""

Words = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
"""Text to search for."""


_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _written_out(value: object) -> object:
    """Refuse numbers, which pydantic takes for seconds since 1970, and the schema does not."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        raise ValueError("a time such as 2026-11-25T12:00:00Z is expected")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""A time as RFC 3339 writes it."""


class Page(BaseModel, Generic[Item]):
    """One page of a list; ``next`` is the cursor of the next one, null on the last."""

    items: list[Item]
    next: str | None


class PageQuery(BaseModel):
    """The query parameters of every list; a list adds its filters and its ``sort``."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=1000, description="`next` of the page before.")
    sort: str


@dataclass
class Listing:
    """A SELECT that grows its conditions, with arguments numbered as PostgreSQL wants them.

    Args:
        select: the statement up to its FROM and JOINs.
        id: the column that makes the order total.
        columns: what can be sorted by: name in ``sort`` to SQL expression, never null.
    """

    select: str
    id: str
    columns: Mapping[str, str]
    terms: list[str] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)

    def where(self, term: str, argument: Any) -> None:
        """Add a condition; ``?`` in it stands for the argument."""
        self.arguments.append(argument)
        self.terms.append(term.replace("?", f"${len(self.arguments)}"))

    async def fetch(
        self, connection: Connection, query: PageQuery
    ) -> tuple[list[asyncpg.Record], str | None]:
        """The rows of the page and the cursor of the next.

        Raises:
            Problem: 422 when the cursor is not one of this list in this order.
        """
        rows = await connection.fetch(self.statement(query), *self.arguments)
        page = rows[: query.limit]
        more = len(rows) > query.limit
        name = query.sort.removeprefix("-")
        return page, encode(query.sort, page[-1][name], page[-1]["id"]) if more else None

    def statement(self, query: PageQuery) -> str:
        """What gives the rows of the page in their order, and one more when there is a next page.

        It takes ``arguments``, to which a cursor adds its own.

        Raises:
            Problem: 422 when the cursor is not one of this list in this order.
        """
        column, descending = self.columns[query.sort.removeprefix("-")], query.sort.startswith("-")
        if query.cursor is not None:
            self._after(query.cursor, query.sort, column, "<" if descending else ">")
        direction = "DESC" if descending else "ASC"
        statement = [self.select, "WHERE", " AND ".join(self.terms) or "true"]
        statement += ["ORDER BY", f"{column} {direction}, {self.id} {direction}", f"LIMIT {query.limit + 1}"]
        return " ".join(statement)

    def _after(self, cursor: str, sort: str, column: str, comparison: str) -> None:
        self.arguments += decode(cursor, sort)
        count = len(self.arguments)
        self.terms.append(f"({column}, {self.id}) {comparison} (${count - 1}, ${count})")


def encode(sort: str, value: str | datetime, last_id: UUID) -> str:
    """A cursor that continues after the row with this value and id."""
    text = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([sort, text, str(last_id)]).encode()).decode()


def decode(cursor: str, sort: str) -> tuple[str | datetime, UUID]:
    """Read a cursor back.

    Raises:
        Problem: 422 when it is mangled, or belongs to another order.
    """
    try:
        order, text, last_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if order == sort:
            read = _moment if order.removeprefix("-") in TIMES else _text
            return read(text), UUID(last_id)
    except (ValueError, TypeError, AttributeError, RecursionError):
        log.debug("cursor.mangled", cursor=cursor)
    raise invalid("cursor", cursor, f"pass `next` of the page before, unchanged, with sort={sort}")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 2000 <= moment.year < 2500:
        raise ValueError("no time that a row of ours can have")
    return moment


def _text(text: str) -> str:
    if "\x00" in text:
        raise ValueError("PostgreSQL stores no NUL")
    text.encode()  # a lone surrogate raises its ValueError here and not in the database
    return text

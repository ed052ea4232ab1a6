"""Idempotency keys: a change that is sent twice takes effect once, and is answered twice the same.

The answer is stored in the transaction of the effect. Of two requests at once with the same key,
the second waits for the first at the primary key, fails, and gives the first one's answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

import asyncpg
from fastapi import Header, Response
from pydantic import BaseModel

from onenet_api.answers import Answer
from onenet_api.problems import Problem
from onenet_api.tokens import User
from onenet_common.database import Connection, Database
from onenet_common.telemetry import meter

RETENTION_DAYS = 1

_replays = meter.create_counter(
    "onenet.api.idempotency.replays", description="Answers given again for their idempotency key"
)

IdempotencyKey = Annotated[
    str | None,
    Header(
        description="Makes it safe to repeat the request for a day: the same key with the same body gets "
        "the first answer again, with `Idempotency-Replayed: true`; with another body a 422.",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
    ),
]

_FIND = "SELECT request_digest, status, body, etag, location FROM answers WHERE caller = $1 AND key = $2"
_INSERT = """
INSERT INTO answers (caller, key, request_digest, status, body, etag, location)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


@dataclass(frozen=True, slots=True)
class Once:
    """A request that carries a key.

    Args:
        digest: of what was asked for; the same key must mean the same request.
    """

    caller: str
    key: str
    digest: str

    @classmethod
    def of(cls, user: User, key: str | None, request: BaseModel | None, target: str = "") -> Once | None:
        """None when there is no key.

        Args:
            target: what is done to which object; empty where ``request`` creates one.
        """
        if key is None:
            return None
        # Null and left out differ in a merge patch.
        body = request.model_dump_json(exclude_unset=True) if request is not None else ""
        text = f"{target} {type(request).__name__} {body}"
        return cls(user.name, key, hashlib.sha256(text.encode()).hexdigest())

    def columns(self, answer: Answer) -> tuple[str, str, str, int, str, str, str]:
        """The row of the table ``answers``, in the order of its columns here."""
        return (self.caller, self.key, self.digest, answer.status, answer.body, answer.etag, answer.location)


async def once(
    database: Database, request: Once | None, effect: Callable[[Connection], Awaitable[Answer]]
) -> Response:
    """Run ``effect`` in a transaction, unless it was run for this key before.

    Raises:
        Problem: 422 when the key was used for another request.
    """
    try:
        async with database.transaction() as connection:
            if request is None:
                return (await effect(connection)).response()
            if (replayed := await replay(connection, request)) is not None:
                return replayed
            answer = await effect(connection)
            await connection.execute(_INSERT, *request.columns(answer))
            return answer.response()
    except (Problem, asyncpg.UniqueViolationError):
        # What the same key did in between may be what stands in the way now.
        if request is not None:
            async with database.acquire() as connection:
                if (replayed := await replay(connection, request)) is not None:
                    return replayed
        raise


async def replay(connection: Connection, request: Once) -> Response | None:
    """The stored answer, None when there is none.

    Raises:
        Problem: 422 when the key was used for another request.
    """
    row = await connection.fetchrow(_FIND, request.caller, request.key)
    if row is None:
        return None
    if row["request_digest"] != request.digest:
        raise Problem(
            422, "idempotency-key-reused", "this Idempotency-Key was used for another request; take a new one"
        )
    _replays.add(1)
    return Answer(row["status"], row["body"], row["etag"], row["location"]).response(replayed=True)

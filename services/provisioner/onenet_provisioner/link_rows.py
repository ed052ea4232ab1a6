"""Links as rows: the columns that a worker reads and writes, in their order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import asyncpg

from onenet_common.connection import CType, Wish
from onenet_provisioner.links import Failure, OtherPath, Work
from onenet_provisioner.phases import Phase

COLUMNS = (
    "connection_id, generation, ctype, phase, wish, standing, details, failure, drifted, announce, "
    "attempts, reason, due_at, deadline_at, trace, others"
)


def work_of(row: asyncpg.Record) -> Work:
    """A link from a row with ``COLUMNS`` and its lease."""
    return Work(
        connection_id=row["connection_id"],
        generation=row["generation"],
        ctype=CType(row["ctype"]) if row["ctype"] else None,
        phase=Phase(row["phase"]),
        wish=Wish.model_validate(row["wish"]),
        standing=Wish.model_validate(row["standing"]) if row["standing"] else None,
        details=row["details"],
        failure=Failure.model_validate(row["failure"]) if row["failure"] else None,
        drifted=row["drifted"],
        announce=row["announce"],
        attempts=row["attempts"],
        reason=row["reason"],
        due_at=row["due_at"],
        deadline_at=row["deadline_at"],
        trace=row["trace"],
        others=tuple(map(_other, row["others"])),
        lease=row["lease"],
    )


def values_of(links: Sequence[Work]) -> tuple[list[Any], ...]:
    """Links as the arrays of ``COLUMNS``, for unnest."""
    return tuple(
        list(column)
        for column in zip(
            *(
                (
                    work.connection_id,
                    work.generation,
                    work.ctype,
                    work.phase.value,
                    as_json(work.wish),
                    as_json(work.standing),
                    work.details,
                    as_json(work.failure),
                    work.drifted,
                    work.announce,
                    work.attempts,
                    work.reason,
                    work.due_at,
                    work.deadline_at,
                    dict(work.trace),
                    others_of(work),
                )
                for work in links
            ),
            strict=True,
        )
    )


def others_of(work: Work) -> str:
    """The column ``others``; as text, for a list in an array would be one more dimension of it."""
    return json.dumps(
        [
            {
                "ctype": path.ctype.value,
                "wish": path.wish.model_dump(mode="json"),
                "details": path.details,
                "stands": path.stands,
            }
            for path in work.others
        ]
    )


def _other(stored: dict[str, Any]) -> OtherPath:
    return OtherPath(
        ctype=CType(stored["ctype"]),
        wish=Wish.model_validate(stored["wish"]),
        details=stored["details"],
        stands=stored["stands"],
    )


def as_json(value: Wish | Failure | None) -> str | None:
    """A value for a JSON column that may be null."""
    return value.model_dump_json() if value is not None else None

"""Who changed what, and when: written in the transaction that makes the change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from onenet_api.problems import current_trace_id
from onenet_common.database import Connection

INSERT = """
INSERT INTO audit (id, actor, action, object_type, object_id, detail, services, trace_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change.

    Args:
        action: the object's kind and a verb, such as ``service.create``.
        services: the services concerned; their owners may read of it.
    """

    actor: str
    action: str
    object_id: UUID
    services: Iterable[UUID]
    detail: dict[str, Any] = field(default_factory=dict)

    def columns(self) -> tuple[Any, ...]:
        """The arguments of ``INSERT``, for a statement that writes it beside something else."""
        kind = self.action.partition(".")[0]
        return (
            uuid4(),
            self.actor,
            self.action,
            kind,
            self.object_id,
            self.detail,
            list(self.services),
            current_trace_id(),
        )


async def record(connection: Connection, entry: Entry) -> None:
    await connection.execute(INSERT, *entry.columns())

"""Who changed what, and when: written in the transaction that makes the change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from pydantic import TypeAdapter

from onenet_api.problems import current_trace_id
from onenet_common.database import Connection

_COLUMNS = "id, actor, action, object_type, object_id, detail, services, trace_id"
_INSERT = f"""
INSERT INTO audit ({_COLUMNS}) SELECT {_COLUMNS} FROM jsonb_populate_recordset(NULL::audit, $1)
"""
_ROWS = TypeAdapter(list[dict[str, Any]])


@dataclass(frozen=True, slots=True)
class Entry:
    """One change.

    Args:
        action: the object's kind and a verb, such as ``service.create``.
        services: the services concerned; their owners may read of it.
        trace_id: the trace of the request that makes it.
    """

    actor: str
    action: str
    object_id: UUID
    services: Iterable[UUID]
    detail: dict[str, Any] = field(default_factory=dict)
    trace_id: str = field(default_factory=current_trace_id)


async def record(connection: Connection, entry: Entry) -> None:
    await connection.execute(_INSERT, rows([entry]))


def rows(entries: Iterable[Entry]) -> str:
    """Rows of the table, as a JSON array for ``jsonb_populate_recordset``; ``time`` is the database's."""
    return _ROWS.dump_json([_row(entry) for entry in entries]).decode()


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "actor": entry.actor,
        "action": entry.action,
        "object_type": entry.action.partition(".")[0],
        "object_id": entry.object_id,
        "detail": entry.detail,
        "services": list(entry.services),
        "trace_id": entry.trace_id,
    }

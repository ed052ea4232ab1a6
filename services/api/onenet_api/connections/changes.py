"""A change of what is wanted of a connection, as JSON merge patch (RFC 7396) has it: pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from onenet_api.connections import terms
from onenet_api.connections.model import Connection
from onenet_api.connections.views import ConnectionChange
from onenet_common.connection import L4Filter, Requirements

Fields = dict[str, Any]


def differing(
    connection: Connection, change: ConnectionChange, defaults: Iterable[Iterable[L4Filter]]
) -> Fields:
    """The fields that the change gives another value, with that value.

    What is left out stays; null takes the value that a new request has by default. Filters in
    another order, or twice, are the same filters.

    Args:
        defaults: the filters that the owners have set on the resources, left and right.
    """
    wanted: Fields = {}
    if "name" in change.model_fields_set:
        wanted["name"] = change.name or f"{connection.left.name} - {connection.right.name}"
    if "ctype" in change.model_fields_set:
        wanted["requested_ctype"] = change.ctype
    if "l4filters" in change.model_fields_set:
        l4filters = terms.union(*defaults) if change.l4filters is None else terms.union(change.l4filters)
        if terms.canonical(l4filters) != terms.canonical(connection.l4filters):
            wanted["l4filters"] = l4filters
    if "requirements" in change.model_fields_set:
        wanted["requirements"] = _merged(connection.requirements, change)
    return {name: value for name, value in wanted.items() if value != getattr(connection, name)}


def _merged(current: Requirements, change: ConnectionChange) -> Requirements:
    if change.requirements is None:
        return Requirements()
    patch = change.requirements.model_dump(exclude_unset=True)
    kept = current.model_dump() | patch
    return Requirements.model_validate({name: value for name, value in kept.items() if value is not None})

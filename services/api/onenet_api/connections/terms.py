"""What a consent is bound to: exactly these networks, addresses and filters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from onenet_common.connection import Direction, L4Filter, Resource

_MIRRORED = {
    Direction.BOTH: Direction.BOTH,
    Direction.LEFT_TO_RIGHT: Direction.RIGHT_TO_LEFT,
    Direction.RIGHT_TO_LEFT: Direction.LEFT_TO_RIGHT,
}


def digest(left: Resource, right: Resource, l4filters: Iterable[L4Filter]) -> str:
    """SHA-256, in hexadecimal, over the canonical JSON of both sides and the filters.

    Neither the order in which a provider lists its blocks nor that of the filters changes it.
    """
    terms = {
        "left": _side(left),
        "right": _side(right),
        "l4filters": sorted(canonical(l4filters)),
    }
    return hashlib.sha256(json.dumps(terms, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def mirrored(l4filters: Iterable[L4Filter]) -> tuple[L4Filter, ...]:
    """The same filters, as they read when left and right are swapped."""
    return tuple(
        l4filter.model_copy(update={"direction": _MIRRORED[l4filter.direction]}) for l4filter in l4filters
    )


def canonical(l4filters: Iterable[L4Filter]) -> set[str]:
    """Each filter as text; two sets are equal when they allow the same."""
    return {json.dumps(l4filter.model_dump(mode="json"), sort_keys=True) for l4filter in l4filters}


def union(*sets: Iterable[L4Filter]) -> tuple[L4Filter, ...]:
    """All filters of all sets, each once, in the order of their first mention."""
    return tuple({repr(one): one for l4filters in sets for one in l4filters}.values())


def _side(resource: Resource) -> dict[str, object]:
    return {"id": str(resource.id), "subnets": sorted({str(subnet) for subnet in resource.subnets})}

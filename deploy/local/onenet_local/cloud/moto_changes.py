"""What had to be changed inside moto, because nothing there can be subclassed or registered.

moto creates routes and looks up tags deep in its models, by names bound in its own modules.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.route_tables import Route

from onenet_local.cloud.lifecycle import ACTIVE
from onenet_local.cloud.peering import Peering


def _state(route: Route) -> str:
    """moto's routes are always active; one through a peering is so only with the peering."""
    target: object = route.vpc_pcx
    return "blackhole" if isinstance(target, Peering) and target.code != ACTIVE else "active"


def _tags(resource: Any) -> list[dict[str, str]]:
    """moto compares every tag of the region with a pattern, for every object that it describes."""
    tags: dict[str, str] = resource.ec2_backend.tags.get(resource.id, {})
    return [{"resource_id": resource.id, "key": key, "value": value} for key, value in tags.items()]


_CHANGES: list[tuple[type, str, object]] = [
    (Route, "state", property(_state)),
    (TaggedEC2Resource, "get_tags", _tags),
]


def apply() -> None:
    """Change moto for this process."""
    for owner, name, value in _CHANGES:
        setattr(owner, name, value)

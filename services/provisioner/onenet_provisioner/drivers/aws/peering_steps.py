"""The steps that a peering is made of, as they are planned, shown and applied."""

from __future__ import annotations

from enum import StrEnum

from onenet_common.addresses import Network
from onenet_common.connection import Side, Step


class Action(StrEnum):
    REMEMBER_ROUTES = "remember_routes"
    CREATE_PEERING = "create_peering"
    ACCEPT_PEERING = "accept_peering"
    AWAIT_PEERING = "await_peering"
    TAG_PEERING = "tag_peering"
    SET_DNS_RESOLUTION = "set_dns_resolution"
    CREATE_ROUTE = "create_route"
    REPLACE_ROUTE = "replace_route"
    DELETE_ROUTE = "delete_route"
    DELETE_PEERING = "delete_peering"
    CREATE_FLOW_LOG = "create_flow_log"
    TAG_FLOW_LOG = "tag_flow_log"
    UNTAG_FLOW_LOG = "untag_flow_log"
    DELETE_FLOW_LOG = "delete_flow_log"


PEERING = "peering_id"
"""Argument: the peering concerned; absent while it is still to be made, then it is remembered."""

TABLE = "route_table_id"
DESTINATION = "destination"
ROUTES = "routes"
ROLES = "roles"
"""Argument of DNS resolution: ``requester``, ``accepter``, or both separated by a comma."""


def peering_step(action: Action, side: Side, peering: str, *, why: str, **arguments: str) -> Step:
    """A step on the peering itself; ``peering`` is empty while it is still to be made."""
    if peering:
        arguments[PEERING] = peering
    return Step(action=action, side=side, target=peering or "new peering", arguments=arguments, why=why)


def route_step(
    action: Action, side: Side, table: str, destination: Network, *, why: str, peering: str = ""
) -> Step:
    arguments = {TABLE: table, DESTINATION: str(destination)}
    if peering:
        arguments[PEERING] = peering
    return Step(action=action, side=side, target=f"{table} {destination}", arguments=arguments, why=why)

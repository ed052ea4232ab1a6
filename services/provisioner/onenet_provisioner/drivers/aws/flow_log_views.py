"""Reading the flow logs of both sides, where their owners let them be seen."""

from __future__ import annotations

import asyncio

from onenet_common.connection import Side, Wish
from onenet_common.errors import OneNetError, Permanent
from onenet_provisioner.drivers.aws import peering_answers as answers
from onenet_provisioner.drivers.aws.flow_logs import FlowLogs
from onenet_provisioner.drivers.aws.peering_plan import one_place, sides_of
from onenet_provisioner.drivers.aws.reads import Reads

DENIED = "access_denied"


async def visible_flow_logs(reads: Reads, wish: Wish) -> FlowLogs:
    """Those of each side; a side is missing whose role may not see them.

    Raises:
        OneNetError: AWS could not be asked, or refused for another reason.
    """
    vpcs = {side: wish.side(side).native_id for side in Side}
    found = await asyncio.gather(
        *(
            reads.flow_logs(wish.side(side), frozenset(vpcs.values() if one_place(wish) else (vpcs[side],)))
            for side in Side
        ),
        return_exceptions=True,
    )
    seen = {}
    for side, view in zip(Side, found, strict=True):
        if isinstance(view, BaseException):
            if isinstance(view, Permanent) and view.code == DENIED:
                continue
            raise view.about(*sides_of(wish, side)) if isinstance(view, OneNetError) else view
        seen[side] = answers.flow_logs(view, vpcs[side])
    return seen

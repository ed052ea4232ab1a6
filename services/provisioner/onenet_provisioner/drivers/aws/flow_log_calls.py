"""What each step of a flow log is at AWS: one mutating call, and what its answer means.

No ClientToken is sent: AWS would answer with a flow log that was made with it and is deleted by now. It
refuses a second one of the same network and destination, which does as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from onenet_common.connection import Step
from onenet_common.errors import Permanent
from onenet_provisioner.drivers.aws.errors import Missing, Present, translated
from onenet_provisioner.drivers.aws.flow_logs import (
    AGGREGATION_SECONDS,
    DESTINATION,
    FLOW_LOG,
    FLOW_LOG_TAG,
    LOG_FORMAT,
    connection_tag,
    refusal,
)
from onenet_provisioner.drivers.aws.pacing import Kind
from onenet_provisioner.drivers.aws.peering_steps import Action
from onenet_provisioner.drivers.aws.sessions import Sessions
from onenet_provisioner.drivers.driver import Done, Link, Outcome

if TYPE_CHECKING:
    from types_aiobotocore_ec2 import EC2Client
    from types_aiobotocore_ec2.type_defs import TagTypeDef, UnsuccessfulItemTypeDef


class FlowLogCalls:
    """Applies steps."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.by_action: dict[str, Callable[[Link, Step], Awaitable[Outcome]]] = {
            Action.CREATE_FLOW_LOG: self._create,
            Action.TAG_FLOW_LOG: self._tag,
            Action.UNTAG_FLOW_LOG: self._untag,
            Action.DELETE_FLOW_LOG: self._delete,
        }

    def _ec2(self, link: Link, step: Step) -> AbstractAsyncContextManager[EC2Client]:
        return self._sessions.ec2(link.wish.side(step.side), Kind.MUTATE, link.guard)

    async def _create(self, link: Link, step: Step) -> Outcome:
        """A refusal is remembered: no connection is to fail because its traffic cannot be logged."""
        vpc = link.wish.side(step.side).native_id
        try:
            async with self._ec2(link, step) as ec2:
                answer = await ec2.create_flow_logs(
                    ResourceIds=[vpc],
                    ResourceType="VPC",
                    TrafficType="ALL",
                    LogDestinationType="s3",
                    LogDestination=step.arguments[DESTINATION],
                    LogFormat=LOG_FORMAT,
                    MaxAggregationInterval=AGGREGATION_SECONDS,
                    TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": _all_tags(link, vpc)}],
                )
            _check(answer["Unsuccessful"], "CreateFlowLogs")
        except (Permanent, Present) as refused:
            return Done(remember={refusal(step.side): f"{link.generation} {refused.reason}"})
        return Done()

    async def _tag(self, link: Link, step: Step) -> Outcome:
        with suppress(Missing):  # the next look makes another one
            async with self._ec2(link, step) as ec2:
                await ec2.create_tags(Resources=[step.arguments[FLOW_LOG]], Tags=[_tag_of(link)])
        return Done()

    async def _untag(self, link: Link, step: Step) -> Outcome:
        with suppress(Missing):
            async with self._ec2(link, step) as ec2:
                await ec2.delete_tags(
                    Resources=[step.arguments[FLOW_LOG]], Tags=[{"Key": connection_tag(link.connection_id)}]
                )
        return Done()

    async def _delete(self, link: Link, step: Step) -> Outcome:
        with suppress(Missing):
            async with self._ec2(link, step) as ec2:
                answer = await ec2.delete_flow_logs(FlowLogIds=[step.arguments[FLOW_LOG]])
            _check(answer["Unsuccessful"], "DeleteFlowLogs")
        return Done()


def _tag_of(link: Link) -> TagTypeDef:
    return {"Key": connection_tag(link.connection_id), "Value": link.wish.name}


def _all_tags(link: Link, vpc: str) -> list[TagTypeDef]:
    name: TagTypeDef = {"Key": "Name", "Value": f"onenet {vpc}"}
    return [name, {"Key": FLOW_LOG_TAG, "Value": "true"}, _tag_of(link)]


def _check(unsuccessful: Iterable[UnsuccessfulItemTypeDef], operation: str) -> None:
    """AWS tells what it refused in an answer that is a success.

    Raises:
        OneNetError: what the first refusal means.
    """
    for item in unsuccessful:
        error = item.get("Error", {})
        with translated():
            raise ClientError(
                {"Error": {"Code": error.get("Code", ""), "Message": error.get("Message", "")}}, operation
            )

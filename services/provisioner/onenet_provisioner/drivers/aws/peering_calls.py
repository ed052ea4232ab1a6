"""What each step of a peering is at AWS: one mutating call, and what its answer means.

An answer that says *not yet* becomes a Wait, after which the pair is observed and planned
again; what is gone already counts as deleted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import TYPE_CHECKING, TypedDict

from onenet_common.addresses import parse_network
from onenet_common.connection import Step
from onenet_common.errors import Permanent
from onenet_provisioner.drivers.aws import peering_answers as answers
from onenet_provisioner.drivers.aws.errors import Missing, NotReady, Present
from onenet_provisioner.drivers.aws.flow_log_calls import FlowLogCalls
from onenet_provisioner.drivers.aws.pacing import Kind
from onenet_provisioner.drivers.aws.peering_claim import ADDED, CREATED
from onenet_provisioner.drivers.aws.peering_model import CONNECTION_TAG, GENERATION_TAG
from onenet_provisioner.drivers.aws.peering_steps import DESTINATION, PEERING, ROLES, ROUTES, TABLE, Action
from onenet_provisioner.drivers.aws.reads import Reads
from onenet_provisioner.drivers.aws.sessions import Sessions
from onenet_provisioner.drivers.driver import Done, Link, Outcome, Wait

if TYPE_CHECKING:
    from types_aiobotocore_ec2 import EC2Client
    from types_aiobotocore_ec2.type_defs import PeeringConnectionOptionsRequestTypeDef, TagTypeDef

    class Destination(TypedDict, total=False):
        DestinationCidrBlock: str
        DestinationIpv6CidrBlock: str

    class DnsOptions(TypedDict, total=False):
        RequesterPeeringConnectionOptions: PeeringConnectionOptionsRequestTypeDef
        AccepterPeeringConnectionOptions: PeeringConnectionOptionsRequestTypeDef


class PeeringCalls:
    """Applies steps; ``look_again`` is how long a Wait lasts, in seconds."""

    def __init__(self, sessions: Sessions, reads: Reads, look_again: float) -> None:
        self._sessions = sessions
        self._reads = reads
        self._look_again = look_again
        self._calls: dict[str, Callable[[Link, Step], Awaitable[Outcome]]] = {
            Action.REMEMBER_ROUTES: self._remember_routes,
            Action.CREATE_PEERING: self._create_peering,
            Action.ACCEPT_PEERING: self._accept_peering,
            Action.AWAIT_PEERING: self._await_peering,
            Action.TAG_PEERING: self._tag_peering,
            Action.SET_DNS_RESOLUTION: self._set_dns_resolution,
            Action.CREATE_ROUTE: self._create_route,
            Action.REPLACE_ROUTE: self._replace_route,
            Action.DELETE_ROUTE: self._delete_route,
            Action.DELETE_PEERING: self._delete_peering,
            **FlowLogCalls(sessions).by_action,
        }

    async def apply(self, link: Link, step: Step) -> Outcome:
        """Raises OneNetError; whoever sees a Transient one observes before trying again."""
        return await self._calls[step.action](link, step)

    def _ec2(self, link: Link, step: Step) -> AbstractAsyncContextManager[EC2Client]:
        return self._sessions.ec2(link.wish.side(step.side), Kind.MUTATE, link.guard)

    def _wait(self, reason: str) -> Wait:
        return Wait(self._look_again, reason)

    async def _remember_routes(self, link: Link, step: Step) -> Outcome:
        return Done(remember={ADDED: step.arguments[ROUTES]})

    async def _create_peering(self, link: Link, step: Step) -> Outcome:
        own, peer = link.wish.side(step.side), link.wish.side(step.side.other)
        tags: list[TagTypeDef] = [*_tags(link), {"Key": GENERATION_TAG, "Value": str(link.generation)}]
        try:
            async with self._ec2(link, step) as ec2:
                answer = await ec2.create_vpc_peering_connection(
                    VpcId=own.native_id,
                    PeerVpcId=peer.native_id,
                    PeerOwnerId=peer.account,
                    PeerRegion=peer.region,
                    TagSpecifications=[{"ResourceType": "vpc-peering-connection", "Tags": tags}],
                )
        except Present as present:
            return self._wait(present.reason)
        peering = answer["VpcPeeringConnection"]
        if answers.tags(peering.get("Tags", ())) == answers.tags(tags):
            return Done(remember={CREATED: peering["VpcPeeringConnectionId"]})
        # AWS answers with the peering that is there already when it runs in the same direction.
        return self._wait(f"{peering['VpcPeeringConnectionId']} was there already")

    async def _accept_peering(self, link: Link, step: Step) -> Outcome:
        try:
            async with self._ec2(link, step) as ec2:
                await ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=_peering(link, step))
        except (Missing, NotReady) as early:
            return self._wait(early.reason)
        return Done()

    async def _await_peering(self, link: Link, step: Step) -> Outcome:
        peering = _peering(link, step)
        pair = frozenset((link.wish.left.native_id, link.wish.right.native_id))
        listed = await self._reads.peerings(link.wish.side(step.side), pair)
        status = next(
            (one["Status"]["Code"] for one in listed if one["VpcPeeringConnectionId"] == peering),
            "not visible",
        )
        return Done() if status == "active" else self._wait(f"{peering} is {status}")

    async def _tag_peering(self, link: Link, step: Step) -> Outcome:
        try:
            async with self._ec2(link, step) as ec2:
                await ec2.create_tags(Resources=[_peering(link, step)], Tags=_tags(link))
        except Missing as early:
            return self._wait(early.reason)
        return Done()

    async def _set_dns_resolution(self, link: Link, step: Step) -> Outcome:
        async with self._ec2(link, step) as ec2:
            await ec2.modify_vpc_peering_connection_options(
                VpcPeeringConnectionId=_peering(link, step), **_dns_options(step)
            )
        return Done()

    async def _create_route(self, link: Link, step: Step) -> Outcome:
        try:
            async with self._ec2(link, step) as ec2:
                await ec2.create_route(
                    RouteTableId=step.arguments[TABLE],
                    VpcPeeringConnectionId=_peering(link, step),
                    **_destination(step),
                )
        except Present as present:
            return self._wait(present.reason)
        return Done()

    async def _replace_route(self, link: Link, step: Step) -> Outcome:
        async with self._ec2(link, step) as ec2:
            await ec2.replace_route(
                RouteTableId=step.arguments[TABLE],
                VpcPeeringConnectionId=_peering(link, step),
                **_destination(step),
            )
        return Done()

    async def _delete_route(self, link: Link, step: Step) -> Outcome:
        with suppress(Missing):
            async with self._ec2(link, step) as ec2:
                await ec2.delete_route(RouteTableId=step.arguments[TABLE], **_destination(step))
        return Done()

    async def _delete_peering(self, link: Link, step: Step) -> Outcome:
        try:
            async with self._ec2(link, step) as ec2:
                await ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=_peering(link, step))
        except Missing:
            return Done()
        except NotReady as early:
            return self._wait(early.reason)
        return Done()


def _peering(link: Link, step: Step) -> str:
    """The step's peering; for a step planned before it was made, the one made since."""
    peering = step.arguments.get(PEERING) or link.details.get(CREATED)
    if not peering:
        raise Permanent(f"{step.action} has no peering to act on", code="invalid_step")
    return peering


def _tags(link: Link) -> list[TagTypeDef]:
    return [
        {"Key": CONNECTION_TAG, "Value": str(link.connection_id)},
        {"Key": "Name", "Value": f"onenet {link.wish.name}"},
    ]


def _destination(step: Step) -> Destination:
    block = step.arguments[DESTINATION]
    if parse_network(block).version == 4:
        return {"DestinationCidrBlock": block}
    return {"DestinationIpv6CidrBlock": block}


def _dns_options(step: Step) -> DnsOptions:
    roles = step.arguments[ROLES].split(",")
    options: DnsOptions = {}
    if "requester" in roles:
        options["RequesterPeeringConnectionOptions"] = {"AllowDnsResolutionFromRemoteVpc": True}
    if "accepter" in roles:
        options["AccepterPeeringConnectionOptions"] = {"AllowDnsResolutionFromRemoteVpc": True}
    return options

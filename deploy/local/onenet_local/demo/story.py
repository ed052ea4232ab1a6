"""The story, step by step, through the public API alone."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import aioboto3

from onenet_client.client import Client
from onenet_client.models import Connection, Provider, Resource
from onenet_common.connection import L4Filter, Protocol
from onenet_local.cloud.handle import LocalCloud
from onenet_local.demo.narration import Narrator, StepFailed
from onenet_local.demo.people import WORKLOAD_PORT, Person, cast, sign_in
from onenet_local.demo.traffic import Watched
from onenet_local.demo.waiting import PATIENCE, until
from onenet_local.reachability import Proof, prove

if TYPE_CHECKING:
    from types_aiobotocore_ec2 import EC2Client

HTTPS = [L4Filter(protocol=Protocol.TCP, from_port=WORKLOAD_PORT, to_port=WORKLOAD_PORT)]


@dataclass
class Actor:
    """An owner on the stage: signed in, with what OneNet knows of them.

    Args:
        ec2: the owner's own access to the account, for the referee to read with.
    """

    person: Person
    onenet: Client
    ec2: EC2Client
    provider: Provider | None = None
    resource: Resource | None = None

    @property
    def resource_id(self) -> UUID:
        if self.resource is None:
            raise StepFailed(f"{self.person.name}'s network was not discovered")
        return self.resource.id


@dataclass
class Story:
    """Plays the demo against a stack that runs.

    Args:
        api: the API's root.
        cloud: the local cloud, for what owners do with their own hands, and for the referee.
        kafka: ``host:port`` of the broker, for flow logs, which no local cloud writes.
        visit: 0 with a stack of one's own; else a number that no earlier visit to that stack had.
        keep: end before the connection is deleted, so that there is something to look at.
    """

    api: str
    cloud: LocalCloud
    kafka: str
    tell: Narrator
    visit: int = 0
    keep: bool = False
    alice: Actor = field(init=False)
    bob: Actor = field(init=False)
    connection: UUID = field(init=False)

    async def play(self) -> None:
        """Every step in order; an error ends it, told.

        Raises:
            StepFailed, or what the client raises: the step went wrong.
        """
        async with AsyncExitStack() as clients:
            await self._sign_in(clients)
            await self._register()
            await self._discover()
            await self._ask()
            await self._consent()
            await self._establish()
            await self._reach("Packets can pass, both ways: told from the cloud's own state alone")
            await self._drift()
            await self._reach("Packets can pass again")
            await self._traffic()
            await self._timeline()
            if not self.keep:
                await self._delete()

    async def _sign_in(self, clients: AsyncExitStack) -> None:
        with self.tell.step(
            "Alice and Bob, each with a VPC in an account and a region of their own, sign in"
        ):
            actors = []
            session = aioboto3.Session()
            for person in cast(self.visit):
                await asyncio.to_thread(person.build_network, self.cloud)
                onenet = await clients.enter_async_context(await sign_in(self.api, person.name))
                me = await onenet.me()
                self.tell.detail(
                    f"{me.user} ({', '.join(me.groups)}) has {person.vpc} {person.block} "
                    f"in {person.account}, {person.region}"
                )
                access = self.cloud.owner(person.account)
                ec2 = await clients.enter_async_context(
                    session.client("ec2", region_name=person.region, **access)
                )
                actors.append(Actor(person, onenet, ec2))
            self.alice, self.bob = actors

    async def _register(self) -> None:
        with self.tell.step("Each registers a service and a provider, and lets OneNet into the account"):
            for actor in (self.alice, self.bob):
                person = actor.person
                service = await actor.onenet.services.create(person.service_name)
                actor.provider = await actor.onenet.providers.create(
                    f"{person.service_name}-aws",
                    service=service.id,
                    account=person.account,
                    region=person.region,
                )
                await asyncio.to_thread(person.let_in, actor.provider)
                await actor.onenet.providers.discover(actor.provider.id)
                self.tell.detail(
                    f"service {service.name}; role {actor.provider.role_arn} with an external id"
                )

    async def _discover(self) -> None:
        with self.tell.step("OneNet discovers the VPCs"):
            for actor in (self.alice, self.bob):
                found = await until(partial(_find, actor), f"{actor.person.vpc} to be discovered")
                actor.resource = found
                self.tell.detail(f"{found.name} {', '.join(found.subnets)}")

    async def _ask(self) -> None:
        with self.tell.step(
            "Alice asks for a connection with Bob's network, which she finds in the directory"
        ):
            found = await until(self._bob_in_directory, "Bob's resource in the directory")
            asked = await self.alice.onenet.connections.create(
                self.alice.resource_id, found, name="web to shop", l4filters=HTTPS
            )
            self.connection = asked.id
            _expect(asked.state, "PENDING_APPROVAL")
            self.tell.detail(f"connection {asked.id} is {asked.state}: Bob has not agreed")

    async def _consent(self) -> None:
        with self.tell.step("Bob asks for the same connection from his side, which is his consent"):
            seen = await self.bob.onenet.connections.get(self.connection)
            self.tell.detail(f"Bob sees what he agrees to: {_terms(seen)}")
            agreed = await self.bob.onenet.connections.create(
                self.bob.resource_id, self.alice.resource_id, l4filters=HTTPS
            )
            if agreed.id != self.connection:
                raise StepFailed(f"Bob's request made another connection, {agreed.id}")
            self.tell.detail(f"{agreed.state}")

    async def _establish(self) -> None:
        with self.tell.step("OneNet chooses a path, builds it, and says so"):
            states: list[str] = []

            def show(now: Connection) -> None:
                if not states or states[-1] != now.state:
                    states.append(now.state)
                    self.tell.detail(now.state)

            done = await self.alice.onenet.connections.wait_for(
                self.connection, ["ESTABLISHED"], PATIENCE, on_change=show
            )
            for choice in done.evaluation:
                self.tell.detail(f"chosen: {choice['ctype']}, score {choice['score']}, because")
                for constraint in choice["constraints"]:
                    self.tell.detail(f"  {'yes' if constraint['satisfied'] else 'NO '}  {_why(constraint)}")
            if not done.details.get("peering_id", "").startswith("pcx-"):
                raise StepFailed(f"details have no peering_id: {done.details}")
            self.tell.detail(f"{done.ctype}, peering_id {done.details['peering_id']}")

    async def _reach(self, title: str) -> None:
        with self.tell.step(title):
            for source, destination in ((self.alice, self.bob), (self.bob, self.alice)):
                proof = await self._prove(source, destination)
                if not proof.passes:
                    raise StepFailed("; ".join(proof.reasons))
                self.tell.detail(f"{source.person.name} to {destination.person.name}, tcp {WORKLOAD_PORT}:")
                for hop in proof.hops:
                    self.tell.detail(f"  {hop}")

    async def _drift(self) -> None:
        with self.tell.step("A route is deleted behind OneNet's back; the watchdog sees it and repairs it"):
            await asyncio.to_thread(self.bob.person.break_route, self.alice.person.block)
            proof = await self._prove(self.alice, self.bob)
            # The watchdog may have been faster than the referee.
            self.tell.detail("packets pass again already" if proof.passes else proof.reasons[0])
            await until(lambda: self._has_event("drifted"), "the drift to be reported")
            await until(lambda: self._has_event("repaired"), "the drift to be repaired")
            async for entry in self.alice.onenet.connections.timeline(self.connection):
                if entry.type.split(".")[2] in ("drifted", "repaired"):
                    self.tell.detail(f"{entry.type.split('.')[2]}: {entry.summary}")

    async def _traffic(self) -> None:
        left, right = self.alice.resource, self.bob.resource
        if left is None or right is None:
            raise StepFailed("the networks were not discovered")
        await Watched(self.kafka, self.tell, self.alice.onenet, self.connection, left, right).play()

    async def _timeline(self) -> None:
        with self.tell.step("The connection's timeline: each event, when, who, and its trace"):
            async for entry in self.alice.onenet.connections.timeline(self.connection):
                what = ".".join(entry.type.split(".")[1:3])
                self.tell.detail(
                    f"{entry.time:%H:%M:%S.%f}  {what:34} {entry.actor or '':20} {entry.trace_id}"
                )

    async def _delete(self) -> None:
        with self.tell.step("Alice deletes the connection; both accounts hold nothing of OneNet's"):
            await self.alice.onenet.connections.delete(self.connection)
            await self.alice.onenet.connections.wait_for(self.connection, ["DELETED"], PATIENCE)
            for actor in (self.alice, self.bob):
                left = await asyncio.to_thread(actor.person.leftovers)
                if left:
                    raise StepFailed(f"{actor.person.account} still holds {', '.join(left)}")
                self.tell.detail(f"{actor.person.account}: no peering, no route, no tag")

    async def _bob_in_directory(self) -> UUID | None:
        async for resource in self.alice.onenet.directory.resources(self.bob.person.vpc):
            if resource.service_name == self.bob.person.service_name:
                return resource.id
        return None

    async def _has_event(self, happening: str) -> bool | None:
        async for entry in self.alice.onenet.connections.timeline(self.connection):
            if entry.type.split(".")[2] == happening:
                return True
        return None

    async def _prove(self, source: Actor, destination: Actor) -> Proof:
        ends = source.person.endpoint, destination.person.endpoint
        return await prove(source.ec2, destination.ec2, *ends, "tcp", WORKLOAD_PORT)


async def _find(actor: Actor) -> Resource | None:
    async for resource in actor.onenet.resources.find():
        if resource.native_id == actor.person.vpc:
            return resource
    return None


def _expect(seen: str, wanted: str) -> None:
    if seen != wanted:
        raise StepFailed(f"the connection is {seen}, not {wanted}")


def _terms(connection: Connection) -> str:
    sides = [side for side in (connection.left, connection.right) if side is not None]
    networks = " and ".join(f"{side.name} {', '.join(side.subnets)}" for side in sides)
    filters = ", ".join(f"{one.protocol} {one.from_port}" for one in connection.l4filters)
    return f"{networks}; {filters}"


def _why(constraint: dict[str, Any]) -> str:
    return f"{constraint['name']}: {constraint['reason']}" if constraint.get("reason") else constraint["name"]

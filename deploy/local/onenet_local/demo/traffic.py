"""What the story's connection carries, made up, and what OneNet makes of it."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from aiokafka import AIOKafkaProducer
from rich.console import Console

from onenet_client.cli.deps import trees
from onenet_client.client import Client
from onenet_client.graph import arrows
from onenet_client.models import Dependencies, Finding, Resource
from onenet_local.demo.narration import Narrator
from onenet_local.demo.waiting import until
from onenet_local.traffic.encoders import FORMATS
from onenet_local.traffic.exchanges import Exchange
from onenet_local.traffic.generator import CLEARTEXT, Anomalies, Traffic
from onenet_local.traffic.networks import Network
from onenet_local.traffic.sending import put

OBSERVATIONS = 400
ODD = Anomalies(cleartext=0.1, refused=0.25, internet=0, broken=0)
WIDTH = 130


@dataclass
class Watched:
    """A connection whose traffic is looked at.

    Args:
        kafka: ``host:port`` of the stack's broker.
        onenet: signed in as who may see the connection.
        client, server: the networks that it joins; the first one's workloads call the other's.
    """

    kafka: str
    tell: Narrator
    onenet: Client
    connection: UUID
    client: Resource
    server: Resource
    _flows: int = field(default=0, init=False)
    _counted: int = field(default=0, init=False)

    async def play(self) -> None:
        """Every step in order.

        Raises:
            StepFailed, or what the clients raise: the step went wrong.
        """
        await self._talk()
        await self._map()
        await self._find()

    async def _talk(self) -> None:
        with self.tell.step("The workloads talk: made-up flow logs of it, in AWS's format, go to Kafka"):
            client, server = _network(self.client), _network(self.server)
            begin = math.ceil((await self._established()).timestamp())
            both = Traffic((client, server), ((0, 1),), anomalies=ODD)
            seen = both.window(begin, max(1, int(time.time()) - begin), OBSERVATIONS)
            async with AIOKafkaProducer(bootstrap_servers=self.kafka) as producer:
                await put(producer, seen, FORMATS["aws"])
            between = [one for one in seen if one.server in server.hosts]
            # Of what both networks log, OneNet counts what the sender's saw.
            self._flows = sum(one.accepted for one in between)
            for line in _told(seen, between):
                self.tell.detail(line)

    async def _map(self) -> None:
        with self.tell.step("Who depends on whom, from flow logs alone: onenet deps"):
            graph = await until(
                self._whole_map,
                lambda: (
                    f"the map: {self._counted} of {self._flows} flows are on it; "
                    "is onenet-monitor flows, which counts them, running?"
                ),
            )
            for line in _drawn(graph):
                self.tell.detail(line)

    async def _find(self) -> None:
        with self.tell.step("What follows from it, and what to do about it: onenet findings list"):
            findings = await until(
                self._refused,
                "a finding of what was refused; is onenet-monitor, which looks for it, running?",
            )
            for one in findings:
                self.tell.detail(f"{one.kind}: {one.summary}, {one.evidence['flows']} flows")
                self.tell.detail(f"  remedy: {one.remedy}")

    async def _established(self) -> datetime:
        async for entry in self.onenet.connections.timeline(self.connection):
            if entry.type.split(".")[2] == "established":
                return entry.time
        raise RuntimeError(f"connection {self.connection} was never established")

    async def _whole_map(self) -> Dependencies | None:
        """The map around the client's service, once all that was sent is on it."""
        graph = await self.onenet.traffic.dependencies(resource=self.client.id)
        self._counted = sum(edge.flows for edge in graph.edges if edge.connection == self.connection)
        return graph if self._counted >= self._flows else None

    async def _refused(self) -> list[Finding] | None:
        return await self.onenet.findings.find(kind="refused", connection=self.connection).all() or None


def _network(resource: Resource) -> Network:
    return Network(resource.native_id, resource.account, str(resource.subnet))


def _told(seen: Sequence[Exchange], between: Sequence[Exchange]) -> Iterator[str]:
    clear = sum((one.server_port, one.protocol) in CLEARTEXT for one in between)
    refused = sum(not one.accepted for one in between)
    yield f"{len(seen)} observations by both networks, {len(between)} of them of calls between the two:"
    yield f"{clear} in the clear (http, telnet, PostgreSQL), {refused} refused"


def _drawn(graph: Dependencies) -> list[str]:
    """As ``onenet deps`` draws it."""
    drawn = io.StringIO()
    console = Console(file=drawn, width=WIDTH, highlight=False)
    for tree in trees(arrows(graph)):
        console.print(tree)
    return drawn.getvalue().splitlines()

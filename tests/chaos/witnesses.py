"""Who writes down what happens while it happens: every row of an outbox, every call at the cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from onenet_common.events import CONNECTIONS
from onenet_local.cloud.handle import LocalCloud
from tests.chaos import looking
from tests.chaos.calm import Change, Written
from tests.e2e.estate import LEFT_REGION, RIGHT_REGION, Estate

_BEGIN = """
CREATE SCHEMA witness;
CREATE TABLE witness.written (producer text, outbox_id bigint, event uuid, key text);
CREATE FUNCTION witness.write_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO witness.written
    SELECT 'onenet-' || TG_TABLE_SCHEMA, NEW.id, (NEW.headers ->> 'ce_id')::uuid, NEW.key;
    RETURN NULL;
END $$;
"""
_WATCH = """
CREATE TRIGGER witness AFTER INSERT ON {schema}.outbox FOR EACH ROW WHEN (NEW.topic = '{topic}')
EXECUTE FUNCTION witness.write_down();
"""
_OUTBOXES = ("api", "provisioner", "monitor")


@dataclass(frozen=True, slots=True)
class OutboxWitness:
    """Keeps what a relay deletes once it is published."""

    _server: asyncpg.Connection[asyncpg.Record]

    async def written(self) -> list[Written]:
        """Every event of connections, in the order of its outbox."""
        rows = await self._server.fetch("SELECT * FROM witness.written ORDER BY producer, outbox_id")
        return [Written(row["event"], UUID(row["key"]), row["producer"]) for row in rows]


@asynccontextmanager
async def outbox_witness(database: str) -> AsyncIterator[OutboxWitness]:
    """Watch all outboxes from now on, in a database that is there for this alone."""
    server = await asyncpg.connect(database)
    try:
        await server.execute(_BEGIN)
        for schema in _OUTBOXES:
            await server.execute(_WATCH.format(schema=schema, topic=CONNECTIONS))
        yield OutboxWitness(server)
    finally:
        await server.close()


def changes(cloud: LocalCloud, estate: Estate) -> Iterator[Change]:
    """Every call that changed something between two of an estate's networks."""
    names = _Names.of(estate)
    for owner in (estate.left, estate.right):
        for logged in cloud.log(service="ec2", account=owner.account):
            if (link_of := _LINK_OF.get(logged["operation"])) is None:
                continue
            arguments = logged["arguments"]
            told = " ".join(f"{name}={value}" for name, value in sorted(arguments.items()))
            yield Change(
                link=link_of(names, arguments),
                account=owner.account,
                key=logged["key"],
                what=f"{logged['operation']} {told}",
                began=logged["at"],
                ended=logged["until"] or float("inf"),
            )


Arguments = Mapping[str, Any]
Link = frozenset[str]


@dataclass(frozen=True, slots=True)
class _Names:
    """Which networks the names in calls stand for: peerings, route tables, blocks of addresses."""

    peerings: Mapping[str, Link]
    tables: Mapping[str, str]
    blocks: Mapping[str, str]

    @classmethod
    def of(cls, estate: Estate) -> _Names:
        made = looking.peerings(estate)
        sides = ((estate.left, LEFT_REGION), (estate.right, RIGHT_REGION))
        pages = [
            page
            for owner, region in sides
            for page in owner.client("ec2", region).get_paginator("describe_route_tables").paginate()
        ]
        networks = (*estate.lefts, *estate.rights)
        return cls(
            peerings={one.id: frozenset((one.requester, one.accepter)) for one in made},
            tables={table["RouteTableId"]: table["VpcId"] for page in pages for table in page["RouteTables"]},
            blocks={str(block): one.native_id for one in networks for block in one.subnets},
        )

    def of_pair(self, given: Arguments) -> Link:
        return frozenset((given["VpcId"], given["PeerVpcId"]))

    def of_peering(self, given: Arguments) -> Link:
        return self.peerings[given["VpcPeeringConnectionId"]]

    def of_resource(self, given: Arguments) -> Link:
        return self.peerings[given["ResourceId.1"]]

    def of_route(self, given: Arguments) -> Link:
        return frozenset((self.tables[given["RouteTableId"]], self.blocks[given["DestinationCidrBlock"]]))


_LINK_OF: dict[str, Callable[[_Names, Arguments], Link]] = {
    "CreateVpcPeeringConnection": _Names.of_pair,
    "AcceptVpcPeeringConnection": _Names.of_peering,
    "ModifyVpcPeeringConnectionOptions": _Names.of_peering,
    "DeleteVpcPeeringConnection": _Names.of_peering,
    "CreateTags": _Names.of_resource,
    "CreateRoute": _Names.of_route,
    "ReplaceRoute": _Names.of_route,
    "DeleteRoute": _Names.of_route,
}
"""The calls that change something, and how each says between which networks."""

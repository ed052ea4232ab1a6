"""Worlds that two accounts can be in, and what the steps of a plan do to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from hypothesis import strategies as st

from onenet_common.addresses import Network, parse_network
from onenet_common.connection import CType, ProviderType, Resource, Side, Step, Wish
from onenet_common.states import DesiredState
from onenet_provisioner.drivers.aws.peering_claim import ADDED, CREATED, claim
from onenet_provisioner.drivers.aws.peering_model import (
    CONNECTION_TAG,
    GENERATION_TAG,
    End,
    Peering,
    Route,
    RouteTable,
    SeenPeering,
)
from onenet_provisioner.drivers.aws.peering_plan import one_place, plan
from onenet_provisioner.drivers.aws.peering_steps import (
    DESTINATION,
    PEERING,
    ROLES,
    ROUTES,
    TABLE,
    Action,
)
from onenet_provisioner.drivers.driver import Link

OURS = UUID(int=7)
LEFT_BLOCKS = ("10.0.0.0/16", "10.1.0.0/16", "2001:db8:a::/56")
RIGHT_BLOCKS = ("10.2.0.0/16", "10.3.0.0/16", "2001:db8:b::/56")
STATUSES = (
    "initiating-request",
    "pending-acceptance",
    "provisioning",
    "active",
    "deleting",
    "deleted",
    "rejected",
    "failed",
    "expired",
)
IDS = ("pcx-1", "pcx-2", "pcx-3")
NEW = "pcx-new"


@dataclass(frozen=True)
class World:
    link: Link
    seen: SeenPeering

    def plan(self) -> list[Step]:
        return plan(self.link, self.seen, dns=True)

    def routes(self) -> Iterator[tuple[RouteTable, Route]]:
        for tables in self.seen.tables.values():
            for table in tables:
                for route in table.routes:
                    yield table, route

    def others_peerings(self) -> dict[str, Peering]:
        made = claim(self.link, self.seen.peerings).made
        return {one.id: one for one in self.seen.peerings if one.id not in made}

    def others_routes(self, *, with_blackholes: bool) -> set[tuple[str, Network, str]]:
        mine = claim(self.link, self.seen.peerings)
        return {
            (table.id, route.destination, route.target)
            for table, route in self.routes()
            if not mine.owns(table, route) and (with_blackholes or not route.blackhole)
        }


def resource(side: Side, account: str, blocks: tuple[str, ...]) -> Resource:
    return Resource.model_validate(
        {
            "id": uuid5(OURS, side),
            "name": f"AWS\\vpc-{side}",
            "service": OURS,
            "provider": uuid5(OURS, account),
            "provider_type": ProviderType.AWS,
            "account": account,
            "region": "eu-west-1",
            "native_id": f"vpc-{side}",
            "subnet": blocks[0],
            "subnets": blocks,
        }
    )


def new_link(
    left: tuple[str, ...] = LEFT_BLOCKS[:1],
    right: tuple[str, ...] = RIGHT_BLOCKS[:1],
    *,
    adopt: bool = False,
    same_place: bool = False,
    desired: DesiredState = DesiredState.ESTABLISHED,
    details: Mapping[str, str] | None = None,
) -> Link:
    accounts = ("111111111111", "111111111111" if same_place else "222222222222")
    wish = Wish(
        id=OURS,
        name="orders",
        generation=2,
        left=resource(Side.LEFT, accounts[0], left),
        right=resource(Side.RIGHT, accounts[1], right),
        adopt=adopt,
    )
    return Link(OURS, 2, CType.AWS_PEERING, desired, wish, dict(details or {}))


def table_of(side: Side, *routes: Route, name: str = "main") -> RouteTable:
    return RouteTable(f"rtb-{side}-{name}", routes)


EMPTY = SeenPeering(tables={side: (table_of(side),) for side in Side})


def blocks(pool: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sampled_from([pool[:1], pool[:2], (pool[0], pool[2]), pool])


def ends(shared: bool) -> st.SearchStrategy[dict[Side, End]]:
    owners = st.sampled_from([{}, {CONNECTION_TAG: str(OURS)}, {CONNECTION_TAG: str(UUID(int=8))}])
    end = st.builds(
        lambda tags, generation, dns: End({**tags, GENERATION_TAG: generation} if tags else {}, dns),
        owners,
        st.sampled_from("12"),
        st.booleans(),
    )
    if shared:
        return st.builds(
            lambda one, other: {Side.LEFT: one, Side.RIGHT: replace(one, dns=other.dns)}, end, end
        )
    return st.dictionaries(st.sampled_from(list(Side)), end, min_size=1)


def tables(side: Side) -> st.SearchStrategy[tuple[RouteTable, ...]]:
    peer = RIGHT_BLOCKS if side is Side.LEFT else LEFT_BLOCKS
    destinations = st.sampled_from([parse_network(block) for block in (*peer, "10.9.0.0/16")])
    targets = st.sampled_from([*IDS, "pcx-gone", "igw-1"])
    route = st.builds(Route, destinations, targets, st.booleans())
    routes = st.lists(route, max_size=4, unique_by=lambda one: one.destination).map(tuple)
    table = st.builds(RouteTable, st.just(""), routes, st.booleans(), st.sampled_from([False, False, True]))
    return st.lists(table, min_size=1, max_size=3).map(
        lambda found: tuple(
            replace(one, id=f"rtb-{side}-{number}", in_use=one.in_use or number == 0)
            for number, one in enumerate(found)
        )
    )


@st.composite
def worlds(draw: st.DrawFn, desired: DesiredState) -> World:
    same_place = draw(st.booleans())
    details = draw(
        st.fixed_dictionaries(
            {},
            optional={
                CREATED: st.sampled_from([*IDS, "pcx-gone"]),
                ADDED: st.just("rtb-left-0 10.2.0.0/16 pcx-1,rtb-right-0 10.1.0.0/16 pcx-2"),
            },
        )
    )
    link = new_link(
        draw(blocks(LEFT_BLOCKS)),
        draw(blocks(RIGHT_BLOCKS)),
        adopt=draw(st.booleans()),
        same_place=same_place,
        desired=desired,
        details=details,
    )
    peerings = tuple(
        Peering(
            id_,
            draw(st.sampled_from(STATUSES)),
            draw(st.sampled_from(list(Side))),
            "",
            draw(ends(same_place)),
        )
        for id_ in draw(st.lists(st.sampled_from(IDS), unique=True))
    )
    seen = SeenPeering(peerings=peerings, tables={side: draw(tables(side)) for side in Side})
    return World(link, cut_off(seen))


def cut_off(seen: SeenPeering) -> SeenPeering:
    """A route to a peering that is over, or was never there, is a blackhole."""
    live = {peering.id for peering in seen.peerings if peering.live}

    def cut(route: Route) -> Route:
        dead = route.target.startswith("pcx-") and route.target not in live
        return replace(route, blackhole=route.blackhole or dead)

    return replace(
        seen,
        tables={
            side: tuple(replace(table, routes=tuple(map(cut, table.routes))) for table in tables)
            for side, tables in seen.tables.items()
        },
    )


def apply(world: World, step: Step) -> tuple[World, bool]:
    """What the step does to the world, and whether the next one may follow at once."""
    link, seen = world.link, world.seen
    id_ = step.arguments.get(PEERING) or link.details.get(CREATED, "")
    by_id = {one.id: one for one in seen.peerings}
    match step.action:
        case Action.REMEMBER_ROUTES:
            link = replace(link, details={**link.details, ADDED: step.arguments[ROUTES]})
        case Action.CREATE_PEERING:
            tags = End({CONNECTION_TAG: str(OURS), GENERATION_TAG: "2"})
            both = one_place(link.wish)
            by_id[NEW] = Peering(
                NEW,
                "pending-acceptance",
                Side.LEFT,
                "",
                dict.fromkeys(Side, tags) if both else {Side.LEFT: tags},
            )
            link = replace(link, details={**link.details, CREATED: NEW})
        case Action.ACCEPT_PEERING:
            by_id[id_] = replace(by_id[id_], status="provisioning")
        case Action.AWAIT_PEERING:
            following = {"initiating-request": "pending-acceptance", "provisioning": "active"}
            by_id[id_] = replace(by_id[id_], status=following[by_id[id_].status])
            return replace(world, seen=replace(seen, peerings=tuple(by_id.values()))), False
        case Action.TAG_PEERING | Action.SET_DNS_RESOLUTION:
            by_id[id_] = replace(by_id[id_], ends=_marked(link, by_id[id_], step))
        case Action.DELETE_PEERING:
            by_id[id_] = replace(by_id[id_], status="deleted")
        case _:
            seen = replace(seen, tables={**seen.tables, step.side: _routed(seen, step, id_)})
    return World(link, cut_off(replace(seen, peerings=tuple(by_id.values())))), True


def _marked(link: Link, peering: Peering, step: Step) -> dict[Side, End]:
    ends = {side: peering.ends.get(side, End()) for side in Side}
    if step.action == Action.TAG_PEERING:
        concerned = list(Side) if one_place(link.wish) else [step.side]
        return {**ends, **{side: replace(ends[side], tags={CONNECTION_TAG: str(OURS)}) for side in concerned}}
    roles = {peering.requester: "requester", peering.requester.other: "accepter"}
    concerned = [side for side in Side if roles[side] in step.arguments[ROLES].split(",")]
    assert peering.status == "active"
    return {**ends, **{side: replace(ends[side], dns=True) for side in concerned}}


def _routed(seen: SeenPeering, step: Step, peering: str) -> tuple[RouteTable, ...]:
    destination = parse_network(step.arguments[DESTINATION])
    return tuple(
        replace(table, routes=_without(table, destination, step, peering))
        if table.id == step.arguments[TABLE]
        else table
        for table in seen.tables[step.side]
    )


def _without(table: RouteTable, destination: Network, step: Step, peering: str) -> tuple[Route, ...]:
    others = tuple(route for route in table.routes if route.destination != destination)
    assert (len(others) == len(table.routes)) == (step.action == Action.CREATE_ROUTE), "no such route, or two"
    if step.action == Action.DELETE_ROUTE:
        return others
    return (*others, Route(destination, peering))


def settle(world: World) -> World:
    """Apply plans until there is nothing left to do."""
    for _ in range(10):
        steps = world.plan()
        if not steps:
            return world
        for step in steps:
            world, going_on = apply(world, step)
            if not going_on:
                break
    raise AssertionError(f"never done: {steps}")

"""A driver over a dictionary that stands for a cloud.

Real in all but the network: it passes the conformance suite, and with nothing to wait for it
shows what OneNet itself costs. Every object knows which connection made it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import ClassVar
from uuid import uuid5

from onenet_common.addresses import Network, parse_network
from onenet_common.connection import CType, Provider, Resource, Side, Step, Wish
from onenet_common.errors import Conflict, Throttled, Transient
from onenet_common.states import DesiredState
from onenet_provisioner.drivers.driver import Done, Link, Observed, Outcome


@dataclass(frozen=True, slots=True)
class Path:
    id: str
    owner: str


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a network sends a destination. ``owner`` is a connection's id, or anything else."""

    target: str
    owner: str


class Fault(Enum):
    THROTTLE = auto()
    LOSE_ANSWER = auto()


@dataclass(slots=True)
class MemoryCloud:
    """Paths by the pair of networks that they join, hops by network and destination.

    Args:
        faults: by action; each strikes the next such call, once.
    """

    paths: dict[frozenset[str], Path] = field(default_factory=dict)
    hops: defaultdict[str, dict[Network, Hop]] = field(default_factory=lambda: defaultdict(dict))
    faults: dict[str, Fault] = field(default_factory=dict)

    def call(self, action: str, effect: Callable[[], object]) -> None:
        fault = self.faults.pop(action, None)
        if fault is Fault.THROTTLE:
            raise Throttled(f"{action}: slow down")
        effect()
        if fault is Fault.LOSE_ANSWER:
            raise Transient(f"{action}: the answer was lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPath(Observed):
    path: Path | None
    hops: Mapping[Side, Mapping[Network, Hop]]


class MemoryDriver:
    """Stands in for ``AWS_PEERING``: one path for a pair, one hop for each of the peer's blocks."""

    ctype: ClassVar[CType] = CType.AWS_PEERING

    def __init__(self, cloud: MemoryCloud) -> None:
        self._cloud = cloud

    async def observe(self, link: Link) -> SeenPath:
        path = self._cloud.paths.get(_pair(link.wish))
        return SeenPath(
            path=path,
            hops={side: dict(self._cloud.hops[link.wish.side(side).native_id]) for side in Side},
            details={"peering_id": path.id} if path else {},
            adopted=path is not None and path.owner != str(link.connection_id),
        )

    def plan(self, link: Link, seen: SeenPath) -> list[Step]:
        if link.desired is DesiredState.DELETED:
            return list(_removal(link, seen))
        if seen.path and seen.adopted and not link.wish.adopt:
            raise Conflict(f"{seen.path.id} already joins these networks", code="peering_exists", shared=True)
        return list(_establishment(link, seen))

    async def apply(self, link: Link, step: Step) -> Outcome:
        link.guard()
        owner, network = str(link.connection_id), link.wish.side(step.side).native_id
        match step.action:
            case "create_path":
                path = Path(step.target, owner)
                self._cloud.call(step.action, lambda: self._cloud.paths.setdefault(_pair(link.wish), path))
            case "delete_path":
                self._cloud.call(step.action, lambda: self._cloud.paths.pop(_pair(link.wish), None))
            case "create_route":
                block, hop = parse_network(step.target), Hop(step.arguments["path"], owner)
                self._cloud.call(step.action, lambda: self._cloud.hops[network].update({block: hop}))
            case "delete_route":
                block = parse_network(step.target)
                self._cloud.call(step.action, lambda: self._cloud.hops[network].pop(block, None))
        return Done()


def _pair(wish: Wish) -> frozenset[str]:
    return frozenset((wish.left.native_id, wish.right.native_id))


def _establishment(link: Link, seen: SeenPath) -> Iterator[Step]:
    conflicts = {side: found for side in Side if (found := "; ".join(_conflicts(link, seen, side)))}
    if conflicts:
        raise Conflict(
            f"routes in the way: {'; '.join(conflicts.values())}",
            code="route_conflict",
            told={side: f"routes in the way: {found}" for side, found in conflicts.items()},
        )
    path = _path_id(link, seen)
    if seen.path is None:
        yield Step(action="create_path", side=Side.LEFT, target=path, why="the networks are not joined")
    for side in Side:
        blocks = link.wish.side(side.other).subnets
        for block in blocks:
            hop = seen.hops[side].get(block)
            if hop is None or hop.target != path:
                arguments = {"path": path}
                yield Step(
                    action="create_route", side=side, target=str(block), arguments=arguments, why="missing"
                )
        yield from _without(link, side, seen, keep=frozenset(blocks))


def _conflicts(link: Link, seen: SeenPath, side: Side) -> Iterator[str]:
    ours = (_path_id(link, seen), str(link.connection_id))
    for block in link.wish.side(side.other).subnets:
        hop = seen.hops[side].get(block)
        if hop and hop.target != ours[0] and hop.owner != ours[1]:
            yield f"{link.wish.side(side).native_id} sends {block} to {hop.target}"


def _path_id(link: Link, seen: SeenPath) -> str:
    return seen.path.id if seen.path else f"path-{link.connection_id}"


def _removal(link: Link, seen: SeenPath) -> Iterator[Step]:
    for side in Side:
        yield from _without(link, side, seen, keep=frozenset())
    if seen.path and not seen.adopted:
        yield Step(action="delete_path", side=Side.LEFT, target=seen.path.id, why="the connection is deleted")


def _without(link: Link, side: Side, seen: SeenPath, keep: frozenset[Network]) -> Iterator[Step]:
    for block, hop in seen.hops[side].items():
        if hop.owner == str(link.connection_id) and block not in keep:
            yield Step(action="delete_route", side=side, target=str(block), why="not wanted")


class MemoryDiscovery:
    """A provider whose networks are made up: as many as asked, none overlapping another.

    Args:
        networks: how many each provider has, up to 250.
    """

    def __init__(self, networks: int = 200) -> None:
        self._networks = networks

    async def discover(self, provider: Provider) -> list[Resource]:
        """The networks 10.X.0.0/24, 10.X.1.0/24, …, X being the account's number modulo 250."""
        block = int(provider.account) % 250
        return [
            self._resource(provider, f"vpc-{number:08x}", f"10.{block}.{number}.0/24")
            for number in range(self._networks)
        ]

    def _resource(self, provider: Provider, native_id: str, cidr: str) -> Resource:
        network = parse_network(cidr)
        return Resource(
            id=uuid5(provider.id, native_id),
            name=f"{provider.provider_type}\\{native_id}",
            service=provider.service,
            provider=provider.id,
            provider_type=provider.provider_type,
            account=provider.account,
            region=provider.region,
            native_id=f"{native_id}-{provider.account}",
            subnet=network,
            subnets=(network,),
        )

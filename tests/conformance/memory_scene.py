"""The in-memory cloud, for the suite."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from onenet_common.addresses import parse_network
from onenet_provisioner.drivers.memory import Fault, Hop, MemoryCloud, MemoryDriver, Path

from .networks import link, network, provider

STRAY = parse_network("10.9.0.0/16")


class MemoryScene:
    drifts: ClassVar[tuple[str, ...]] = (
        "route gone on the left",
        "route gone on the right",
        "stray route",
        "path gone",
    )
    builds: ClassVar[tuple[str, ...]] = ("create_path", "create_route")
    removes: ClassVar[tuple[str, ...]] = ("delete_route", "delete_path")
    throttles: ClassVar[tuple[str, ...]] = builds

    def __init__(self) -> None:
        self._cloud = MemoryCloud()
        of = provider("111111111111", "eu-west-1")
        self.link = link(
            network(of, "left", "10.0.0.0/16", "10.1.0.0/16"), network(of, "right", "10.2.0.0/16")
        )
        self._cloud.hops["left"][STRAY] = Hop("gateway", "somebody")
        self._pair = frozenset(("left", "right"))

    def driver(self) -> MemoryDriver:
        return MemoryDriver(self._cloud)

    def objects(self) -> Counter[str]:
        owner = str(self.link.connection_id)
        return Counter(
            path=sum(path.owner == owner for path in self._cloud.paths.values()),
            route=sum(hop.owner == owner for hops in self._cloud.hops.values() for hop in hops.values()),
        )

    def complete(self) -> Counter[str]:
        return Counter(path=1, route=3)

    def others(self) -> object:
        owner = str(self.link.connection_id)
        hops = {
            (network, block, hop)
            for network, hops in self._cloud.hops.items()
            for block, hop in hops.items()
            if hop.owner != owner
        }
        return hops, {path for path in self._cloud.paths.values() if path.owner != owner}

    def drift(self, what: str) -> None:
        if what == "route gone on the left":
            del self._cloud.hops["left"][parse_network("10.2.0.0/16")]
        elif what == "route gone on the right":
            del self._cloud.hops["right"][parse_network("10.1.0.0/16")]
        elif what == "stray route":
            path = self._cloud.paths[self._pair]
            self._cloud.hops["right"][STRAY] = Hop(path.id, str(self.link.connection_id))
        elif what == "path gone":
            del self._cloud.paths[self._pair]

    def join_by_hand(self) -> str:
        self._cloud.paths[self._pair] = Path("path-by-hand", "somebody")
        self._cloud.hops["left"][parse_network("10.2.0.0/16")] = Hop("path-by-hand", "somebody")
        return "path-by-hand"

    def obstruct(self) -> str:
        self._cloud.hops["right"][parse_network("10.1.0.0/16")] = Hop("gateway", "somebody")
        return "gateway"

    def throttle(self, call: str) -> None:
        self._cloud.faults[call] = Fault.THROTTLE

    def lose_answer(self, call: str) -> None:
        self._cloud.faults[call] = Fault.LOSE_ANSWER

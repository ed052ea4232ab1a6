"""A dependency graph between services, and as text for drawing programs. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from onenet_client.models import Dependencies, DependencyEdge, DependencyNode

INTERNET = "the internet"
MOST_PORTS = 6
"""That an arrow is labelled with."""

PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "icmp6", 132: "sctp"}
"""By the number that IANA gave them."""


@dataclass(frozen=True)
class Arrow:
    """Everything that one service asks another for over one way; the busiest ports first."""

    client: str
    server: str
    over: str
    ports: tuple[str, ...]
    bytes: int
    first_seen: datetime
    last_seen: datetime

    @property
    def label(self) -> str:
        more = f" and {len(self.ports) - MOST_PORTS} more" if len(self.ports) > MOST_PORTS else ""
        return f"{', '.join(self.ports[:MOST_PORTS])}{more} over {self.over}"


def arrows(graph: Dependencies) -> list[Arrow]:
    """The graph between services, the busiest first."""
    nodes = {node.resource: node for node in graph.nodes}
    together: dict[tuple[str, str, str], list[DependencyEdge]] = defaultdict(list)
    for edge in graph.edges:
        together[_end(nodes, edge.client), _end(nodes, edge.server), _over(edge)].append(edge)
    found = [_arrow(*ends, edges) for ends, edges in together.items()]
    return sorted(found, key=lambda arrow: (-arrow.bytes, arrow.client, arrow.server, arrow.over))


def port(protocol: int, number: int) -> str:
    """``tcp/443``; the name alone where there are no ports or none is known."""
    name = PROTOCOLS.get(protocol, f"protocol {protocol}")
    return f"{name}/{number}" if number else name


def dot(found: Sequence[Arrow]) -> str:
    """For Graphviz."""
    lines = [f"  {_quoted(name)};" for name in _names(found)]
    lines += [
        f"  {_quoted(one.client)} -> {_quoted(one.server)} [label={_quoted(one.label)}];" for one in found
    ]
    return "\n".join(["digraph dependencies {", "  rankdir=LR;", *lines, "}"])


def mermaid(found: Sequence[Arrow]) -> str:
    """For Mermaid's flowcharts."""
    ids = {name: f"n{place}" for place, name in enumerate(_names(found))}
    lines = [f'  {id_}["{_escaped(name)}"]' for name, id_ in ids.items()]
    lines += [f'  {ids[one.client]} -->|"{_escaped(one.label)}"| {ids[one.server]}' for one in found]
    return "\n".join(["flowchart LR", *lines])


def _end(nodes: Mapping[UUID, DependencyNode], resource: UUID | None) -> str:
    """The service; a network that the API does not know any more keeps its id."""
    if resource is None:
        return INTERNET
    node = nodes.get(resource)
    return node.service_name or node.name if node else str(resource)


def _over(edge: DependencyEdge) -> str:
    if edge.connection is not None:
        return f"connection {str(edge.connection)[:8]}"
    return {"internet": INTERNET, "other": "no connection of OneNet's"}.get(edge.carried_by, edge.carried_by)


def _arrow(client: str, server: str, over: str, edges: Sequence[DependencyEdge]) -> Arrow:
    busiest = sorted(edges, key=lambda edge: -edge.bytes)
    return Arrow(
        client,
        server,
        over,
        tuple(dict.fromkeys(port(edge.protocol, edge.port) for edge in busiest)),
        sum(edge.bytes for edge in edges),
        min(edge.first_seen for edge in edges),
        max(edge.last_seen for edge in edges),
    )


def _names(found: Iterable[Arrow]) -> list[str]:
    return list(dict.fromkeys(name for one in found for name in (one.client, one.server)))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def _escaped(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;").replace("\n", " ")

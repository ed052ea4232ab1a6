"""What follows from a picture of the traffic: one function for each kind of finding. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from onenet_common.addresses import CidrSet
from onenet_monitor.cleartext import Protocols, shown
from onenet_monitor.findings.filters import allows
from onenet_monitor.findings.finding import Finding, Kind, Severity
from onenet_monitor.findings.picture import Edge, Pair, Path, Picture

FEWEST_REFUSALS = 10
"""Refused flows below which it may have been a slip."""
IDLE = timedelta(days=7)
NEAR = 0.8
"""Share of what a path carries at which it is time to think of more."""
ABOVE = 1.2
"""How much more than estimated is worth telling, and ``LEAST_USD`` how much at least."""
LEAST_USD = 1.0
GB = 1e9
"""A gigabyte as providers bill it."""
MOST_PORTS = 10

Rule = Callable[[Picture], Iterator[Finding]]


def findings(picture: Picture, protocols: Protocols) -> list[Finding]:
    """All that follows from the picture.

    Args:
        protocols: what counts as being in the clear.
    """
    found = [*cleartext(picture, protocols)]
    for rule in (detours, refusals, idle, near_limit, cost):
        found += rule(picture)
    return found


def detours(picture: Picture) -> Iterator[Finding]:
    """Two networks of ours that talk over the internet, though a connection could carry it."""
    for pair, edges in _by_pair(picture, lambda edge: edge.kind == "internet" and edge.accepted).items():
        one, other = sorted(pair, key=picture.name)
        if _overlap(picture, pair):
            continue
        path = picture.path(pair)
        yield Finding(
            Kind.DETOUR,
            _subject(pair),
            Severity.WARNING,
            f"{picture.name(one)} and {picture.name(other)} talk over the internet",
            f"address each other by private addresses: connection {path.name} is there"
            if path
            else "ask for a connection between the two, and address each other by private addresses",
            (one, other),
            path.id if path else None,
            _volume(picture, edges),
        )


def cleartext(picture: Picture, protocols: Protocols) -> Iterator[Finding]:
    """What anybody on the way can read, on paths that do not promise encryption."""
    bare = {path.id for path in picture.paths if path.encrypted is False}
    for edge in picture.edges:
        name = protocols.get((edge.protocol, edge.port))
        open_path = edge.kind == "internet" or (edge.kind == "connection" and edge.connection in bare)
        if name is None or not edge.accepted or not open_path:
            continue
        ends = tuple(end for end in (edge.client, edge.server) if end is not None)
        yield Finding(
            Kind.CLEARTEXT,
            f"{edge.connection or 'internet'} {edge.client} {edge.server} {edge.protocol}/{edge.port}",
            Severity.WARNING,
            f"{name} ({shown(edge.protocol, edge.port)}) from {_end(picture, edge.client)} to "
            f"{_end(picture, edge.server)} is in the clear",
            f"use {name} over TLS, or a connection that promises encryption",
            tuple(dict.fromkeys(ends)),
            edge.connection,
            _volume(picture, [edge]),
        )


def refusals(picture: Picture) -> Iterator[Finding]:
    """Traffic between two networks of ours that a filter refused, with what explains it."""
    for edge in picture.edges:
        pair = edge.pair
        if edge.accepted or pair is None or edge.flows < FEWEST_REFUSALS:
            continue
        path = picture.path(pair)
        yield Finding(
            Kind.REFUSED,
            f"{edge.client} {edge.server} {edge.protocol}/{edge.port}",
            Severity.WARNING,
            f"{shown(edge.protocol, edge.port)} from {_end(picture, edge.client)} to "
            f"{_end(picture, edge.server)} is refused",
            _explained(edge, path),
            (edge.client, edge.server) if edge.client and edge.server else (),
            path.id if path else None,
            _volume(picture, [edge]),
        )


def idle(picture: Picture) -> Iterator[Finding]:
    """A connection that nobody uses, and what it costs."""
    for path in picture.paths:
        quiet_since = path.last_seen or path.since
        if picture.now - max(quiet_since, path.since) < IDLE or not picture.observed & path.pair:
            continue
        monthly = path.monthly_fixed_usd or 0.0
        yield Finding(
            Kind.IDLE,
            str(path.id),
            Severity.INFO,
            f"connection {path.name} has carried nothing since {quiet_since:%Y-%m-%d}",
            "delete it when nobody needs it; it can be asked for again",
            (path.left, path.right),
            path.id,
            {"quiet_since": _written(quiet_since), "monthly_fixed_usd": monthly},
        )


def near_limit(picture: Picture) -> Iterator[Finding]:
    """A path that is nearly full in its busiest minute."""
    for path in picture.paths:
        busiest = path.busiest_minute_bytes * 8 / 60 / 1e6
        if path.bandwidth_mbps is None or busiest < NEAR * path.bandwidth_mbps:
            continue
        yield Finding(
            Kind.NEAR_LIMIT,
            str(path.id),
            Severity.WARNING,
            f"connection {path.name} carried {busiest:,.0f} of {path.bandwidth_mbps:,.0f} Mbit/s",
            "ask for more bandwidth (requirements.bandwidth_mbps), so that another path is chosen",
            (path.left, path.right),
            path.id,
            {"busiest_minute_mbps": round(busiest, 1), "bandwidth_mbps": path.bandwidth_mbps},
        )


def cost(picture: Picture) -> Iterator[Finding]:
    """A connection whose traffic has cost more this month than was estimated for all of it."""
    for path in picture.paths:
        if path.price_per_gb_usd is None:
            continue
        fixed = path.monthly_fixed_usd or 0.0
        estimate = fixed + path.monthly_gb * path.price_per_gb_usd
        gigabytes = path.bytes_this_month / GB
        so_far = fixed * _share_of_month(picture.now) + gigabytes * path.price_per_gb_usd
        if so_far <= ABOVE * estimate or so_far - estimate < LEAST_USD:
            continue
        yield Finding(
            Kind.COST,
            f"{path.id} {picture.now:%Y-%m}",
            Severity.INFO,
            f"connection {path.name} has cost {so_far:,.2f} USD this month, {estimate:,.2f} were estimated",
            f"set requirements.monthly_gb above {gigabytes:,.0f}, so that paths are weighed by what it is",
            (path.left, path.right),
            path.id,
            {
                "so_far_usd": round(so_far, 2),
                "estimated_usd": round(estimate, 2),
                "gigabytes": round(gigabytes, 3),
                "expected_gigabytes": path.monthly_gb,
            },
        )


def _by_pair(picture: Picture, wanted: Callable[[Edge], bool]) -> dict[Pair, list[Edge]]:
    found: dict[Pair, list[Edge]] = defaultdict(list)
    for edge in picture.edges:
        if (pair := edge.pair) is not None and wanted(edge):
            found[pair].append(edge)
    return found


def _subject(pair: Pair) -> str:
    return " ".join(sorted(map(str, pair)))


def _end(picture: Picture, network: object) -> str:
    return next((known.name for id_, known in picture.networks.items() if id_ == network), "the internet")


def _overlap(picture: Picture, pair: Pair) -> bool:
    blocks = [picture.networks[one].subnets if one in picture.networks else () for one in pair]
    return bool(CidrSet.of(blocks[0]).overlaps(CidrSet.of(blocks[1])))


def _volume(picture: Picture, edges: list[Edge]) -> dict[str, str | int | float | list[str]]:
    busiest = sorted(edges, key=lambda edge: -edge.bytes)[:MOST_PORTS]
    return {
        "bytes": sum(edge.bytes for edge in edges),
        "flows": sum(edge.flows for edge in edges),
        "hours": picture.hours,
        "last_seen_hour": _written(max(edge.last_seen for edge in edges)),
        "ports": list(dict.fromkeys(shown(edge.protocol, edge.port) for edge in busiest)),
    }


def _written(moment: datetime) -> str:
    """As all times are in what the API answers."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _explained(edge: Edge, path: Path | None) -> str:
    what = shown(edge.protocol, edge.port)
    if path is None:
        return "no connection joins the two: ask for one that includes " + what
    if not allows(path.l4filters, edge.protocol, edge.port, from_left=edge.client == path.left):
        return f"the filters of connection {path.name} do not include {what}: change its l4filters"
    return (
        f"connection {path.name} includes {what}: look at the security groups and network ACLs of both sides"
    )


def _share_of_month(now: datetime) -> float:
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (start + timedelta(days=32)).replace(day=1)
    return (now - start) / (end - start)

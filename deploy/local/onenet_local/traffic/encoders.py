"""Exchanges as each exporter writes them; the shapes are described where they are read."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from onenet_local.traffic.exchanges import Exchange, OneWay, ways

Encode = Callable[[Iterable[Exchange]], bytes]

VERSION_2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action"
    " log-status"
)
VERSION_5 = (
    "version vpc-id account-id interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr srcport dstport protocol"
    " tcp-flags packets bytes start end action log-status flow-direction"
)

_INTRODUCED = {
    **dict.fromkeys(("vpc-id", "subnet-id", "tcp-flags", "pkt-srcaddr", "pkt-dstaddr"), 3),
    **dict.fromkeys(("flow-direction", "traffic-path"), 5),
    "reject-reason": 8,
}
"""The version in which a field came; the others that are written here are of version 2."""

_AWS: Mapping[str, Callable[[Exchange, OneWay, int], object]] = {
    "version": lambda x, w, version: version,
    "account-id": lambda x, w, version: x.account,
    "vpc-id": lambda x, w, version: x.network,
    "interface-id": lambda x, w, version: x.interface,
    "srcaddr": lambda x, w, version: w.src,
    "dstaddr": lambda x, w, version: w.dst,
    "pkt-srcaddr": lambda x, w, version: w.src,
    "pkt-dstaddr": lambda x, w, version: w.dst,
    "srcport": lambda x, w, version: w.src_port,
    "dstport": lambda x, w, version: w.dst_port,
    "protocol": lambda x, w, version: x.protocol,
    "packets": lambda x, w, version: w.packets,
    "bytes": lambda x, w, version: w.bytes,
    "start": lambda x, w, version: x.start,
    "end": lambda x, w, version: x.end,
    "action": lambda x, w, version: "ACCEPT" if x.accepted else "REJECT",
    "log-status": lambda x, w, version: "OK",
    "tcp-flags": lambda x, w, version: 0,
    "flow-direction": lambda x, w, version: "egress" if w.egress else "ingress",
}


def _unknown(x: Exchange, w: OneWay, version: int) -> str:
    return "-"


def aws_2(exchanges: Iterable[Exchange]) -> bytes:
    """AWS in its default format."""
    lines = (
        f"2 {x.account} {x.interface} {w.src} {w.dst} {w.src_port} {w.dst_port} {x.protocol} {w.packets}"
        f" {w.bytes} {x.start} {x.end} {'ACCEPT' if x.accepted else 'REJECT'} OK"
        for x, w in _each(exchanges)
    )
    return "\n".join([VERSION_2, *lines, ""]).encode()


def aws_5(exchanges: Iterable[Exchange]) -> bytes:
    """AWS in a custom format, which tells the network and the direction."""
    lines = (
        f"5 {x.network} {x.account} {x.interface} {w.src} {w.dst} {w.src} {w.dst} {w.src_port} {w.dst_port}"
        f" {x.protocol} 0 {w.packets} {w.bytes} {x.start} {x.end} {'ACCEPT' if x.accepted else 'REJECT'} OK"
        f" {'egress' if w.egress else 'ingress'}"
        for x, w in _each(exchanges)
    )
    return "\n".join([VERSION_5, *lines, ""]).encode()


def aws(fields: Sequence[str]) -> Encode:
    """AWS in the format of a flow log with these fields; ``-`` stands where an exchange does not say."""
    version = max(_INTRODUCED.get(name, 2) for name in fields)
    values = [_AWS.get(name, _unknown) for name in fields]

    def encode(exchanges: Iterable[Exchange]) -> bytes:
        lines = (" ".join(str(value(x, w, version)) for value in values) for x, w in _each(exchanges))
        return "\n".join([" ".join(fields), *lines, ""]).encode()

    return encode


def azure(exchanges: Iterable[Exchange]) -> bytes:
    """Azure: a record for each interface, with a group for what was let through and one for the rest."""
    tuples: dict[tuple[str, str, str], dict[bool, list[str]]] = defaultdict(lambda: {True: [], False: []})
    for x in exchanges:
        counters = f"{x.packets},{x.bytes},{x.packets_back},{x.bytes_back}" if x.accepted else "0,0,0,0"
        tuples[x.network, x.account, x.interface][x.accepted].append(
            f"{x.start * 1000},{x.client},{x.server},{x.client_port},{x.server_port},{x.protocol},"
            f"{'O' if x.outgoing else 'I'},{'E' if x.accepted else 'D'},NX,{counters}"
        )
    return json.dumps({"records": [_azure_record(*key, groups) for key, groups in tuples.items()]}).encode()


def gcp(exchanges: Iterable[Exchange]) -> bytes:
    """Google Cloud: an entry a line. What was refused is not in flow logs."""
    return _lines(_gcp_entry(x, w) for x, w in _each(exchanges) if x.accepted)


def pmacct(exchanges: Iterable[Exchange]) -> bytes:
    """pmacct with ``label`` for the network, between a writer's two marks."""
    return _lines(
        [
            {"event_type": "purge_init", "writer_id": "onenet_traffic/1"},
            *(_pmacct_object(x, w) for x, w in _each(exchanges)),
            {"event_type": "purge_close", "writer_id": "onenet_traffic/1"},
        ]
    )


FORMATS: Mapping[str, Encode] = {
    "aws": aws_5,
    "aws-2": aws_2,
    "azure": azure,
    "gcp": gcp,
    "pmacct": pmacct,
}
"""Each format by the name that a user gives it."""


def _each(exchanges: Iterable[Exchange]) -> Iterator[tuple[Exchange, OneWay]]:
    return ((exchange, way) for exchange in exchanges for way in ways(exchange))


def _lines(objects: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(one)}\n" for one in objects).encode()


def _azure_record(
    network: str, account: str, interface: str, groups: Mapping[bool, list[str]]
) -> dict[str, Any]:
    group = f"/subscriptions/{account}/resourceGroups/onenet"
    rules = {True: "AllowVnetInBound", False: "DenyAllInBound"}
    return {
        "category": "FlowLogFlowEvent",
        "operationName": "FlowLogFlowEvent",
        "flowLogVersion": 4,
        "macAddress": interface,
        "targetResourceID": f"{group}/providers/Microsoft.Network/virtualNetworks/{network}",
        "flowRecords": {
            "flows": [
                {
                    "aclID": "00000000-0000-0000-0000-000000000000",
                    "flowGroups": [
                        {"rule": rules[accepted], "flowTuples": tuples}
                        for accepted, tuples in groups.items()
                        if tuples
                    ],
                }
            ]
        },
    }


def _gcp_entry(x: Exchange, w: OneWay) -> dict[str, Any]:
    vpc = {"project_id": x.account, "vpc_name": x.network, "subnetwork_name": "default"}
    return {
        "jsonPayload": {
            "connection": {
                "src_ip": w.src,
                "dest_ip": w.dst,
                "src_port": w.src_port,
                "dest_port": w.dst_port,
                "protocol": x.protocol,
            },
            "reporter": "SRC" if w.egress else "DEST",
            "bytes_sent": str(w.bytes),
            "packets_sent": str(w.packets),
            "start_time": _rfc3339(x.start),
            "end_time": _rfc3339(x.end),
            "src_vpc" if w.egress else "dest_vpc": vpc,
        },
        "logName": f"projects/{x.account}/logs/compute.googleapis.com%2Fvpc_flows",
        "resource": {"type": "gce_subnetwork", "labels": {"project_id": x.account}},
    }


def _pmacct_object(x: Exchange, w: OneWay) -> dict[str, Any]:
    return {
        "event_type": "purge",
        "label": x.network,
        "ip_src": w.src,
        "ip_dst": w.dst,
        "port_src": w.src_port,
        "port_dst": w.dst_port,
        "ip_proto": {6: "tcp", 17: "udp"}.get(x.protocol, str(x.protocol)),
        "timestamp_start": f"{x.start}.000000",
        "timestamp_end": f"{x.end}.000000",
        "packets": w.packets,
        "flows": 1,
        "bytes": w.bytes,
    }


def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")

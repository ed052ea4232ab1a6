"""AWS flow logs read the slow and obvious way, one line after the other: what the fast way must come to."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

VERSION_2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action"
    " log-status"
)
Record = dict[str, Any]


class Refused(Exception):
    pass


def read(text: str, now: datetime) -> tuple[list[Record], Counter[str], Counter[str]]:
    """The records, how many lines were refused by reason, how many were skipped."""
    records: list[Record] = []
    refused: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    header: list[str] | None = None
    first = text.split("\n")[0].split(" ")
    if len(first) == 14 and first[0] == "2" and first[2].startswith("eni-"):
        header = VERSION_2.split(" ")
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        if not line:
            continue
        if is_header(line):
            header = line.split(" ")
            continue
        try:
            record = parse(line, header, now)
        except Refused as reason:
            refused[str(reason)] += 1
            continue
        if isinstance(record, str):
            skipped[record] += 1
        else:
            records.append(record)
    return records, refused, skipped


def is_header(line: str) -> bool:
    words = line.split(" ")
    return all(re.fullmatch("[a-z][a-z0-9-]*", word) for word in words) and not set(words).isdisjoint(
        {*VERSION_2.split(" "), "pkt-srcaddr", "pkt-dstaddr", "vpc-id"} - {"protocol", "action"}
    )


def parse(line: str, header: list[str] | None, now: datetime) -> Record | str:
    if header is None or not all(
        set(header) & set(names)
        for names in (("srcaddr", "pkt-srcaddr"), ("dstaddr", "pkt-dstaddr"), ("start", "end"))
    ):
        raise Refused("header")
    words = line.split(" ")
    if len(words) != len(header):
        raise Refused("fields")
    given = {name: None if word in ("-", "") else word for name, word in zip(header, words, strict=True)}
    src = given.get("pkt-srcaddr") or given.get("srcaddr")
    dst = given.get("pkt-dstaddr") or given.get("dstaddr")
    status = given.get("log-status", "OK" if src or dst else "NODATA")
    if status in ("NODATA", "SKIPDATA"):
        return status.lower()
    if status != "OK" or given.get("action", "ACCEPT") not in ("ACCEPT", "REJECT"):
        raise Refused("action")
    return {
        "src": address(src),
        "dst": address(dst),
        "src_port": number(given.get("srcport") or "0", 65535, "port"),
        "dst_port": number(given.get("dstport") or "0", 65535, "port"),
        "protocol": number(given.get("protocol", "0"), 255, "protocol"),
        "packets": number(given.get("packets", "0"), 2**50, "counter"),
        "bytes": number(given.get("bytes", "0"), 2**50, "counter"),
        "flows": 1,
        **times(given, now),
        "network": name(given.get("vpc-id")),
        "account": name(given.get("account-id")),
        "accepted": given.get("action", "ACCEPT") == "ACCEPT",
        "egress": {"egress": True, "ingress": False}.get(given.get("flow-direction") or ""),
    }


def times(given: dict[str, str | None], now: datetime) -> dict[str, datetime]:
    start, end = (
        integer(given[one] if one in given else given[other])
        for one, other in (("start", "end"), ("end", "start"))
    )
    if start is None or end is None or start < datetime(2000, 1, 1, tzinfo=UTC).timestamp():
        raise Refused("time")
    if max(start, end) > (now + timedelta(minutes=5)).timestamp():
        raise Refused("future")
    return {"start": datetime.fromtimestamp(start, UTC), "end": datetime.fromtimestamp(max(start, end), UTC)}


def name(text: str | None) -> str | None:
    if text is not None and ("\0" in text or len(text.encode()) > 512):
        raise Refused("name")
    return text


def address(text: str | None) -> str:
    try:
        read = ipaddress.ip_address(text or "")
    except ValueError:
        raise Refused("address") from None
    if isinstance(read, ipaddress.IPv6Address):
        if read.scope_id is not None:
            raise Refused("address")
        return str(read.ipv4_mapped or read)
    return str(read)


def number(text: str | None, most: int, reason: str) -> int:
    value = integer(text)
    if value is None or not 0 <= value <= most:
        raise Refused(reason)
    return value


def integer(text: str | None) -> int | None:
    if text is None or not re.fullmatch("[+-]?[0-9]+", text) or not -(2**63) <= int(text) < 2**63:
        return None
    return int(text)

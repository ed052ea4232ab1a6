"""Filters of describe calls: values with wildcards, any value of a filter, all filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from moto.ec2.exceptions import EC2ClientError

from onenet_local.cloud.peering import Peering, Side

Filters = Mapping[str, Sequence[str]]
Read = Callable[[Peering, Mapping[str, str]], Iterable[str]]


def _blocks(side: Side) -> list[str]:
    return [str(block) for block in side.blocks()]


PEERING_FILTERS: dict[str, Read] = {
    "accepter-vpc-info.cidr-block": lambda peering, _: _blocks(peering.accepter),
    "accepter-vpc-info.owner-id": lambda peering, _: [peering.accepter.account],
    "accepter-vpc-info.vpc-id": lambda peering, _: [peering.accepter.vpc_id],
    "requester-vpc-info.cidr-block": lambda peering, _: _blocks(peering.requester),
    "requester-vpc-info.owner-id": lambda peering, _: [peering.requester.account],
    "requester-vpc-info.vpc-id": lambda peering, _: [peering.requester.vpc_id],
    "status-code": lambda peering, _: [peering.code],
    "status-message": lambda peering, _: [peering.phase.message],
    "tag-key": lambda _, tags: tags,
    "vpc-peering-connection-id": lambda peering, _: [peering.id],
}
"""What each filter of DescribeVpcPeeringConnections compares."""


def peering_filter(filters: Filters) -> Callable[[Peering, Mapping[str, str]], bool]:
    """A test of a peering and the asker's tags on it.

    Raises:
        EC2ClientError: InvalidParameterValue for a filter that AWS does not have.
    """
    tests = [(_reader(name), [_pattern(value) for value in values]) for name, values in filters.items()]

    def passes(peering: Peering, tags: Mapping[str, str]) -> bool:
        return all(
            any(pattern(value) for value in read(peering, tags) for pattern in patterns)
            for read, patterns in tests
        )

    return passes


def invalid_filter(name: str) -> EC2ClientError:
    return EC2ClientError("InvalidParameterValue", f"The filter '{name}' is invalid")


def _reader(name: str) -> Read:
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda _, tags: [tags[key]] if key in tags else []
    if name not in PEERING_FILTERS:
        raise invalid_filter(name)
    return PEERING_FILTERS[name]


@lru_cache(maxsize=4096)
def _pattern(value: str) -> Callable[[str], re.Match[str] | None]:
    """``*`` and ``?`` are wildcards; a backslash makes the next character literal."""
    parts = re.findall(r"\\(.)|(\*)|(\?)|(.)", value, re.DOTALL)
    expression = "".join(
        ".*" if star else "." if mark else re.escape(escaped or plain) for escaped, star, mark, plain in parts
    )
    return re.compile(expression, re.DOTALL).fullmatch

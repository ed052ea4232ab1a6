"""Whether a connection's filters include some traffic. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from onenet_common.connection import Direction, L4Filter, Protocol

_NUMBERS = {Protocol.TCP: {6}, Protocol.UDP: {17}, Protocol.ICMP: {1, 58}}


def allows(filters: Sequence[L4Filter], protocol: int, port: int, *, from_left: bool) -> bool:
    """True when any filter includes it; a connection without filters is for all traffic.

    Args:
        protocol: by its number.
        port: the service's.
        from_left: whether the left side opens it.
    """
    return not filters or any(_includes(one, protocol, port, from_left) for one in filters)


def _includes(one: L4Filter, protocol: int, port: int, from_left: bool) -> bool:
    wanted = Direction.LEFT_TO_RIGHT if from_left else Direction.RIGHT_TO_LEFT
    if one.direction not in (Direction.BOTH, wanted):
        return False
    if one.protocol is not Protocol.ANY and protocol not in _NUMBERS[one.protocol]:
        return False
    return one.from_port is None or one.to_port is None or one.from_port <= port <= one.to_port

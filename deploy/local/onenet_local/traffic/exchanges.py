"""What two hosts sent each other in one minute, as one of their networks saw it."""

from __future__ import annotations

from dataclasses import dataclass

TCP, UDP = 6, 17


@dataclass(frozen=True, slots=True)
class Exchange:
    """One connection between a client and a server, in one window of observation.

    Args:
        start: Unix seconds of its first packet in the window; ``end`` of its last one.
        network: of whom the observation is, with its ``account`` and the host's ``interface``.
        outgoing: whether the observer's host is the client.
        packets: from the client to the server, as ``bytes``; the others are the answers'.
        accepted: false when a filter stopped it; then there are no answers.
    """

    start: int
    end: int
    network: str
    account: str
    interface: str
    client: str
    server: str
    client_port: int
    server_port: int
    protocol: int
    packets: int
    bytes: int
    packets_back: int
    bytes_back: int
    accepted: bool
    outgoing: bool


@dataclass(frozen=True, slots=True)
class OneWay:
    """One direction of an exchange, which is what most formats have a record for."""

    of: Exchange
    src: str
    dst: str
    src_port: int
    dst_port: int
    packets: int
    bytes: int
    egress: bool


def ways(exchange: Exchange) -> list[OneWay]:
    """There, and back if anything came back."""
    x = exchange
    there = OneWay(x, x.client, x.server, x.client_port, x.server_port, x.packets, x.bytes, egress=x.outgoing)
    if not x.accepted or not x.packets_back:
        return [there]
    back = OneWay(
        x,
        x.server,
        x.client,
        x.server_port,
        x.client_port,
        x.packets_back,
        x.bytes_back,
        egress=not x.outgoing,
    )
    return [there, back]

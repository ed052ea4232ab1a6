"""L4 filters as people write them: ``tcp:443``, ``udp:5000-5010:left_to_right``, ``icmp``."""

from __future__ import annotations

from pydantic import ValidationError

from onenet_client.models import Filter
from onenet_common.connection import Direction, L4Filter

HOW = "write PROTOCOL[:PORT[-PORT]][:DIRECTION], such as tcp:443 or udp:5000-5010:left_to_right"
FLIPPED = {Direction.LEFT_TO_RIGHT: Direction.RIGHT_TO_LEFT, Direction.RIGHT_TO_LEFT: Direction.LEFT_TO_RIGHT}


def parse(text: str) -> L4Filter:
    """Read one filter.

    Raises:
        ValueError: naming the text and what would be right.
    """
    protocol, *rest = text.strip().split(":")
    ports = rest.pop(0) if rest and rest[0][:1].isdigit() else ""
    direction = rest.pop(0) if rest else Direction.BOTH
    if rest:
        raise ValueError(f"{text!r} has too many parts; {HOW}")
    low, _, high = ports.partition("-")
    fields = {"protocol": protocol.lower(), "direction": direction}
    try:
        return L4Filter.model_validate(fields | ({"from_port": low, "to_port": high or low} if ports else {}))
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"{text!r}: {problem}; {HOW}") from None


def show(rule: L4Filter | Filter) -> str:
    """The text that ``parse`` reads back."""
    ports = ""
    if rule.from_port is not None:
        last = "" if rule.to_port == rule.from_port else f"-{rule.to_port}"
        ports = f":{rule.from_port}{last}"
    direction = "" if rule.direction == Direction.BOTH else f":{rule.direction}"
    return f"{rule.protocol}{ports}{direction}"


def flip(rule: L4Filter) -> L4Filter:
    """The same traffic, seen with left and right exchanged."""
    return rule.model_copy(update={"direction": FLIPPED.get(rule.direction, rule.direction)})

"""The header line of AWS VPC flow logs: which field is where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

_NAME = "[a-z][a-z0-9-]*"
_HEADER = rf"^{_NAME}(?: {_NAME})*$"
_TELLING = (
    "(?:^| )(?:version|account-id|interface-id|vpc-id|(?:pkt-)?(?:src|dst)addr|(?:src|dst)port|packets|bytes"
    "|start|end|log-status)(?: |$)"
)
_USED = frozenset(
    (
        "vpc-id",
        "account-id",
        "srcaddr",
        "dstaddr",
        "pkt-srcaddr",
        "pkt-dstaddr",
        "srcport",
        "dstport",
        "protocol",
    )
) | {"packets", "bytes", "start", "end", "action", "flow-direction", "log-status"}
_NUMBERS = frozenset({"srcport", "dstport", "protocol", "packets", "bytes", "start", "end"})


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of the lines that follow.

    Args:
        text: the line itself.
        names: its fields, each different: a repeated one gets its place as a suffix.
    """

    text: str
    names: tuple[str, ...]

    @staticmethod
    @lru_cache(maxsize=64)
    def of(line: str) -> Header | None:
        """The header that this line is, if it is one: all words are names, and one is a telling one."""
        if not re.search(_HEADER, line) or not re.search(_TELLING, line):
            return None
        words = line.split(" ")
        return Header(line, tuple(w if w not in words[:i] else f"{w}#{i}" for i, w in enumerate(words)))

    @property
    def usable(self) -> bool:
        """Whether its lines say who talked to whom, and when."""
        return (
            self.has("srcaddr", "pkt-srcaddr")
            and self.has("dstaddr", "pkt-dstaddr")
            and self.has("start", "end")
        )

    def has(self, *names: str) -> bool:
        """Whether one of them is there."""
        return any(name in self.names for name in names)

    @property
    def ends_in_number(self) -> bool:
        """Whether the last field is a number, which nothing has checked when it is read as text."""
        return self.names[-1] in _NUMBERS

    @property
    def types(self) -> dict[str, type[pl.DataType]]:
        """How to read each field; the last one as text, since ``-`` and nothing must be told apart."""
        numbers = _NUMBERS.intersection(self.names[:-1])
        return {name: pl.Int64 if name in numbers else pl.String for name in self.names}

    @property
    def telling(self) -> list[int]:
        """The places of what is read; the last one is always, since it tells whether a line is whole."""
        last = len(self.names) - 1
        return [place for place, name in enumerate(self.names) if name in _USED or place == last]

    def fits(self, line: bytes) -> bool:
        """Whether a line without a header before it looks like version 2."""
        fields = line.split(b" ")
        return len(fields) == len(self.names) and fields[0] == b"2" and fields[2].startswith(b"eni-")


_VERSION_2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action"
    " log-status"
)
DEFAULT = Header(_VERSION_2, tuple(_VERSION_2.split(" ")))
"""Version 2, which CloudWatch Logs delivers without a header line."""


def headers(lines: pl.Series) -> pl.Series:
    """Each line that is a header, else null."""
    text = pl.col("line")
    is_header = text.str.contains(_HEADER) & text.str.contains(_TELLING)
    return pl.DataFrame({"line": lines}).select(pl.when(is_header).then(text)).to_series()

"""Versions as entity tags (RFC 9110): ``"7"`` is version 7 of an object."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from onenet_api.problems import Problem

_TAGS = r'^(\*|\s*(W/)?"[\x21\x23-\x7e]*"\s*(,\s*(W/)?"[\x21\x23-\x7e]*"\s*)*)$'

IfMatch = Annotated[
    str | None,
    Header(
        description='Change only when the object still has this version, such as `"3"`; 412 otherwise.',
        max_length=200,
        pattern=_TAGS,
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        description='Answer 304 when the object still has this version, such as `"3"`.',
        max_length=200,
        pattern=_TAGS,
    ),
]


def tag(version: int) -> str:
    return f'"{version}"'


def require(header: str | None, version: int) -> None:
    """Check If-Match; weak tags never match, as RFC 9110 (13.1.1) has it.

    Raises:
        Problem: 412, naming the version that is current.
    """
    if header is None or header == "*" or tag(version) in _parts(header):
        return
    raise Problem(
        412,
        "version-changed",
        f"the object has version {tag(version)} by now; read it again and decide anew",
        headers={"ETag": tag(version)},
    )


def unchanged(header: str | None, version: int) -> bool:
    """Whether If-None-Match names this version; weak comparison (RFC 9110, 13.1.2)."""
    if header is None:
        return False
    return header == "*" or tag(version) in [part.removeprefix("W/") for part in _parts(header)]


def _parts(header: str) -> list[str]:
    return [part.strip() for part in header.split(",")]

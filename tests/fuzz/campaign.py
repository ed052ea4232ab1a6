"""One run of Schemathesis against an API that is served, and what came of it."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
TIMEOUT = 20
"""Seconds for one request."""
GENERATED = re.compile(r"^\s*(\d+) generated", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What a run says: how many cases it made up, and all of its output where one failed."""

    passed: bool
    cases: int
    output: str


async def run(url: str, token: str | None, *, seed: int, arguments: Sequence[str]) -> Outcome:
    """Make up requests to the API at ``url`` from its own description.

    Args:
        token: the access token to send; None sends none.
        arguments: further ones of ``schemathesis run``.
    """
    header = ("--header", f"Authorization: Bearer {token}") if token else ()
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIGURATION)),
        *("run", f"{url}/openapi.json", *header, "--seed", str(seed)),
        # A stream has no end to wait for; its own tests have its answers.
        *("--exclude-path", "/v1/events"),
        *("--request-timeout", str(TIMEOUT), "--no-color", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
    counted = GENERATED.search(output)
    return Outcome(process.returncode == 0, int(counted[1]) if counted else 0, output)

"""Following connections through the API, one by one or all together."""

from __future__ import annotations

import asyncio
import json
import time

from bench.client import HttpConnection, request
from bench.owner import Pair, asking

POLL = 0.05
PATIENCE = 600.0
"""Seconds within which all must have come to rest."""


async def established_after(http: HttpConnection, token: str, pair: Pair) -> float:
    """Seconds from sending a request to reading that its connection is ESTABLISHED.

    Raises:
        RuntimeError: when it ends elsewhere.
    """
    began = time.perf_counter()
    answer = await http.send(request("POST", "/v1/connections", token, body=asking(pair)))
    shown = json.loads(answer.body)
    while shown.get("state") in ("REQUESTED", "PROVISIONING"):
        path = f"/v1/connections/{shown['id']}?wait=25"
        wire = request("GET", path, token, headers=(("If-None-Match", answer.etag),))
        following = await http.send(wire)
        if following.status == 200:
            answer, shown = following, json.loads(following.body)
    if shown.get("state") != "ESTABLISHED":
        raise RuntimeError(f"instead of ESTABLISHED: {answer.status} {answer.body.decode()}")
    return time.perf_counter() - began


async def until_settled(http: HttpConnection, token: str) -> None:
    """Wait until no connection is on its way any more.

    Raises:
        RuntimeError: when one of them ended elsewhere than ESTABLISHED.
    """
    async with asyncio.timeout(PATIENCE):
        while True:
            if await _first(http, token, "REQUESTED", "PROVISIONING") is None:
                break
            await asyncio.sleep(POLL)
    if (lost := await _first(http, token, "REJECTED", "FAILED")) is not None:
        raise RuntimeError(f"instead of ESTABLISHED: {lost}")


async def _first(http: HttpConnection, token: str, *states: str) -> object | None:
    """Any connection in one of the states."""
    wanted = "&".join(f"state={state}" for state in states)
    answer = await http.send(request("GET", f"/v1/connections?limit=1&{wanted}", token))
    items = json.loads(answer.body)["items"]
    return items[0] if items else None

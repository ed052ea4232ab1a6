"""The dependency map: which service talks to which, over what, from flow logs alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from onenet_api.auth import Caller
from onenet_api.context import Api
from onenet_api.dependencies import store
from onenet_api.dependencies.views import DependencyGraph, DependencyQuery

router = APIRouter(prefix="/v1/dependencies", tags=["dependencies"])

PART = 250
"""Edges that are sent at a time, a hundred kilobytes."""


@router.get("", response_model=DependencyGraph)
async def read_dependencies(api: Api, caller: Caller, query: Annotated[DependencyQuery, Query()]) -> Response:
    """Which network opens conversations with which: connection, protocol, port, volume, since when.

    It shows every dependency with a network of the caller's at either end. Of networks of others it
    tells what the directory tells.
    """
    async with api.database.acquire() as connection:
        nodes, edges, following = await store.graph(connection, caller, query)
    return StreamingResponse(_in_parts(nodes, edges, following), media_type="application/json")


async def _in_parts(nodes: str, edges: Sequence[str], following: str | None) -> AsyncIterator[bytes]:
    """The graph in JSON: of 8 MB, to copy the whole once would take longer than to make all of its parts."""
    yield f'{{"nodes":[{nodes}],"edges":['.encode()
    for first in range(0, len(edges), PART):
        yield f"{',' if first else ''}{','.join(edges[first : first + PART])}".encode()
    yield f'],"next":{json.dumps(following)}}}'.encode()

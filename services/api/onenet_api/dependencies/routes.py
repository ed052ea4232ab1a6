"""The dependency map: which service talks to which, over what, from flow logs alone."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Query, Response

from onenet_api.auth import Caller
from onenet_api.context import Api
from onenet_api.dependencies import store
from onenet_api.dependencies.views import DependencyGraph, DependencyQuery

router = APIRouter(prefix="/v1/dependencies", tags=["dependencies"])


@router.get("", response_model=DependencyGraph)
async def read_dependencies(api: Api, caller: Caller, query: Annotated[DependencyQuery, Query()]) -> Response:
    """Which network opens conversations with which: connection, protocol, port, volume, since when.

    It shows every dependency with a network of the caller's at either end. Of networks of others it
    tells what the directory tells.
    """
    async with api.database.acquire() as connection:
        nodes, edges, following = await store.graph(connection, caller, query)
    graph = f'{{"nodes":[{nodes}],"edges":[{",".join(edges)}],"next":{json.dumps(following)}}}'
    return Response(graph, media_type="application/json")

"""The dependency map: which service talks to which, over what, from flow logs alone."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic_core import to_json

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
        edges, following = await store.edges(connection, caller, query)
        ends = {end for edge in edges for end in (edge["client"], edge["server"]) if end is not None}
        nodes = await store.nodes(connection, caller, ends)
    # Thousands of rows of the database's own types: a model of each would only cost time.
    graph = {"nodes": [*map(dict, nodes)], "edges": [*map(dict, edges)], "next": following}
    return Response(to_json(graph), media_type="application/json")

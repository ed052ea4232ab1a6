"""Lists of the API, read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Generic

from onenet_client.models import M, Page
from onenet_client.transport import Params, Transport, read

LARGEST_PAGE = 200


class Listing(Generic[M]):
    """A list that has not been read yet: ``async for`` reads all of it, ``page`` a part.

    Args:
        pages: the type of its pages, such as ``Page[Service]``.
        params: filters and ``sort``; None leaves one out.
    """

    def __init__(
        self, transport: Transport, path: str, pages: type[Page[M]], params: Params | None = None
    ) -> None:
        self._transport = transport
        self._path = path
        self._pages = pages
        self._params = params or {}

    async def page(self, cursor: str | None = None, limit: int = 50) -> Page[M]:
        """One page.

        Args:
            cursor: ``next`` of the page before; None for the first.
            limit: how many items at most, 1 to 200.
        """
        response = await self._transport.get(self._path, {**self._params, "cursor": cursor, "limit": limit})
        return read(self._pages, response)

    async def __aiter__(self) -> AsyncIterator[M]:
        cursor: str | None = None
        while True:
            page = await self.page(cursor, LARGEST_PAGE)
            for item in page.items:
                yield item
            if page.next is None:
                return
            cursor = page.next

    async def all(self) -> list[M]:
        return [item async for item in self]

"""HTTP with a token, bounded retries, and errors as exceptions of this package."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from onenet_client.errors import Unexpected, Unreachable, problem
from onenet_client.retry import Outcome, Retry
from onenet_client.tokens import TokenSource
from onenet_client.trust import trust

B = TypeVar("B", bound=BaseModel)
Params = Mapping[str, str | int | float | list[str] | None]
NOT_MODIFIED = 304


class Transport:
    """One API, one identity. Nothing connects before the first call.

    Args:
        url: the API's root, such as ``https://onenet.example.com``.
        tokens: whose identity; None for the calls that need none.
        timeout: seconds until a silent server counts as gone.
    """

    def __init__(self, url: str, tokens: TokenSource | None, timeout: float, retry: Retry) -> None:
        self.url = url.rstrip("/")
        self._tokens = tokens
        self._timeout = timeout
        self.retry = retry
        self._http = httpx.AsyncClient(base_url=self.url, timeout=timeout, verify=trust())

    async def close(self) -> None:
        await self._http.aclose()

    async def get(
        self, path: str, params: Params | None = None, *, known: int | None = None, wait: float = 0
    ) -> httpx.Response:
        """Read something.

        Args:
            known: the version that the caller has; the answer is 304 when it still stands.
            wait: seconds for which the server may hold the answer back.
        """
        headers = {"If-None-Match": f'"{known}"'} if known is not None else {}
        return await self._send("GET", path, params=_given(params), headers=headers, wait=wait)

    async def post(
        self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        """Create or start something, at most once however often the call is repeated.

        Args:
            key: the Idempotency-Key; a fresh one when None.
        """
        headers = {"Idempotency-Key": key or str(uuid4())}
        return await self._send("POST", path, body=body, headers=headers)

    async def put(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> httpx.Response:
        """Replace something; ``key`` as for ``post``."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        return await self._send("PUT", path, body=body, headers=headers)

    async def patch(self, path: str, body: Mapping[str, Any], version: int | None) -> httpx.Response:
        return await self._send("PATCH", path, body=body, headers=_once(version))

    async def delete(self, path: str, version: int | None = None) -> httpx.Response:
        return await self._send("DELETE", path, headers=_once(version))

    @asynccontextmanager
    async def stream(
        self, path: str, params: Params, headers: Mapping[str, str], retry: Retry
    ) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of an answer while they come; silence counts as gone only after a minute more.

        Args:
            retry: for an API that answers that it is away for now.

        Raises:
            httpx.TransportError: the connection failed, at first or later; whoever can resumes.
        """
        timeout = httpx.Timeout(self._timeout, read=self._timeout + 60)
        made = 1
        while True:
            request = self._http.build_request(
                "GET", path, params=_given(params), headers=headers, timeout=timeout
            )
            outcome = await self._once(request, stream=True)
            if isinstance(outcome, httpx.TransportError):
                raise outcome
            try:
                if outcome.is_success:
                    yield outcome.aiter_lines()
                    return
                await outcome.aread()
            finally:
                await outcome.aclose()
            if (pause := retry.pause("GET", outcome, made)) is None:
                self._answer(outcome)
                return
            await asyncio.sleep(pause)
            made += 1

    async def _send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str],
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        wait: float = 0,
    ) -> httpx.Response:
        timeout = httpx.Timeout(self._timeout, read=self._timeout + wait)
        request = self._http.build_request(
            method, path, params=params, json=body, headers=headers, timeout=timeout
        )
        made = 1
        while (pause := self.retry.pause(method, outcome := await self._once(request), made)) is not None:
            await asyncio.sleep(pause)
            made += 1
        return self._answer(outcome)

    async def _once(self, request: httpx.Request, *, stream: bool = False) -> Outcome:
        """One call, or two when the first token was refused and another can be had."""
        if self._tokens is None:
            return await self._exchange(request, stream=stream)
        token = await self._tokens.token()
        outcome = await self._exchange(request, token, stream=stream)
        if not isinstance(outcome, httpx.Response) or outcome.status_code != httpx.codes.UNAUTHORIZED:
            return outcome
        renewed = await self._tokens.token(refused=token)
        if renewed == token:
            return outcome
        await outcome.aclose()
        return await self._exchange(request, renewed, stream=stream)

    async def _exchange(
        self, request: httpx.Request, token: str | None = None, *, stream: bool = False
    ) -> Outcome:
        if token is not None:
            request.headers["Authorization"] = f"Bearer {token}"
        try:
            return await self._http.send(request, stream=stream)
        except httpx.TransportError as error:
            return error

    def _answer(self, outcome: Outcome) -> httpx.Response:
        if isinstance(outcome, httpx.TransportError):
            reason = str(outcome) or type(outcome).__name__
            raise Unreachable(f"{self.url} does not answer: {reason}") from outcome
        if outcome.is_error:
            raise problem(outcome)
        if outcome.is_redirect and outcome.status_code != NOT_MODIFIED:
            raise Unexpected(f"{self.url} sends us to {outcome.headers['Location']}; is the URL right?")
        return outcome


def read(model: type[B], response: httpx.Response) -> B:
    """The answer's body as a model.

    Raises:
        Unexpected: the body is something else.
    """
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise Unexpected(
            f"{response.request.url} did not answer with a {model.__name__} ({place}: {first['msg']}); "
            "is this OneNet's API, and not newer or older by far?"
        ) from error


def _given(params: Params | None) -> dict[str, Any]:
    """Without what was not asked for; httpx would send an empty value for None."""
    return {name: value for name, value in (params or {}).items() if value is not None and value != []}


def _once(version: int | None) -> dict[str, str]:
    """For a change that is to happen once, to this version of the object."""
    key = {"Idempotency-Key": str(uuid4())}
    return key | {"If-Match": f'"{version}"'} if version is not None else key

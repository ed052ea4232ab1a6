"""What a request's body may be, checked before anything reads it."""

from __future__ import annotations

from email.message import Message as MediaType

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onenet_api.problems import Problem, answer

LARGEST_BODY = 64 * 1024
"""Bytes; the largest sensible request has a few KiB."""


class BodyLimits:
    """Answers 413 to bodies over ``LARGEST_BODY`` and 415 to what is not JSON.

    The framework's own limit answers in plain text, hence this one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        if (problem := _refusal(headers)) is not None:
            return await answer(problem, scope["path"])(scope, receive, send)
        limited = receive if "content-length" in headers else _counting(receive)
        return await self._app(scope, limited, send)


def _refusal(headers: Headers) -> Problem | None:
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        return _too_large()
    has_body = length != "0" or "transfer-encoding" in headers
    if has_body and not _is_json(headers.get("content-type", "")):
        return Problem(415, "unsupported-media-type", "send JSON with Content-Type: application/json")
    return None


def _is_json(content_type: str) -> bool:
    if content_type == "application/json":
        return True
    parsed = MediaType()
    parsed["content-type"] = content_type
    return parsed.get_content_type() == "application/json" and parsed.get_content_charset("utf-8") == "utf-8"


def _counting(receive: Receive) -> Receive:
    """For bodies of unknown length: stops reading, with a 413, where the limit is passed."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > LARGEST_BODY:
            # The framework turns every other error of reading a body into a 400.
            raise HTTPException(413, _too_large().detail)
        return message

    return limited


def _too_large() -> Problem:
    return Problem(413, "content-too-large", f"the body is larger than {LARGEST_BODY} bytes")

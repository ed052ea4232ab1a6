"""Problem details (RFC 9457): every error that the API answers with."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from opentelemetry import trace
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from onenet_common import wording
from onenet_common.errors import Transient

MEDIA_TYPE = "application/problem+json"
LONGEST_VALUE = 200
"""Characters of a refused value that are shown back."""
_PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""As RFC 9110 has them; Python before 3.13 has others, and problems are of one type on all of them."""

log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One value that is not right: where it stands, what it was, what would be right."""

    field: str
    value: str = Field(
        description="The refused value as JSON, cut to 200 characters; empty where there is none."
    )
    message: str


class ProblemView(BaseModel):
    """Problem details; some problems carry further members that their description names."""

    model_config = ConfigDict(
        extra="allow",
        title="Problem",
        json_schema_extra={
            "example": {
                "type": "urn:onenet:problem:invalid",
                "title": "Unprocessable Content",
                "status": 422,
                "detail": "limit: Input should be less than or equal to 200",
                "instance": "/v1/services",
                "trace_id": "0af7651916cd43dd8448eb211c80319c",
                "errors": [
                    {
                        "field": "limit",
                        "value": '"201"',
                        "message": "Input should be less than or equal to 200",
                    }
                ],
            }
        },
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str
    errors: list[FieldError]


class Problem(Exception):
    """Ends a request with problem details.

    Args:
        code: a stable word for clients, the last part of the problem's type.
        detail: one sentence for the user; never tells of what he may not see.
        errors: the fields concerned.
        headers: further response headers.
        members: extension members, such as the terms that are current.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers
        self.members = members or {}


def not_found(kind: str, object_id: object) -> Problem:
    """It does not exist, or not for this user: the answer is the same."""
    return Problem(404, "not-found", f"there is no {kind} {object_id}")


def conflict(code: str, detail: str, **members: Any) -> Problem:
    return Problem(409, code, detail, members=members)


def invalid(field: str, value: object, message: str) -> Problem:
    error = FieldError(field=field, value=shown(value), message=message)
    return Problem(422, "invalid", f"{field}: {message}", errors=[error])


def shown(value: object) -> str:
    """A refused value as ASCII JSON, so that it can be shown whatever it contains."""
    text = json.dumps(value, default=str)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _phrase(status: int) -> str:
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def current_trace_id() -> str:
    """The request's trace, 32 hexadecimal digits; empty when it is not traced."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def answer(problem: Problem, instance: str) -> Response:
    """The response that a problem becomes; ``instance`` is the path that was asked for."""
    body = {
        "type": f"urn:onenet:problem:{problem.code}",
        "title": _phrase(problem.status),
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "trace_id": current_trace_id(),
        "errors": [error.model_dump() for error in problem.errors],
        **problem.members,
    }
    return Response(
        json.dumps(body, default=str), problem.status, headers=problem.headers, media_type=MEDIA_TYPE
    )


async def _on_problem(request: Request, error: Problem) -> Response:
    return answer(error, request.url.path)


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    errors = [_field_error(detail) for detail in error.errors()]
    detail = "; ".join(f"{one.field}: {one.message}" for one in errors[:3])
    return answer(Problem(422, "invalid", detail, errors=errors), request.url.path)


async def _on_http_error(request: Request, error: HTTPException) -> Response:
    detail = {
        404: "there is nothing here; /docs lists what there is",
        405: f"{request.method} is not possible here",
    }.get(error.status_code, str(error.detail))
    code = _phrase(error.status_code).lower().replace(" ", "-")
    headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
    return answer(Problem(error.status_code, code, detail, headers=headers), request.url.path)


def _allowed(request: Request) -> str:
    """Every method of this path; the framework names those of one route alone."""
    routes = request.app.router.routes
    return ", ".join(
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    )


async def _on_transient(request: Request, error: Transient) -> Response:
    log.warning("request.unavailable", path=request.url.path, error=str(error))
    detail = "a part of OneNet is away for a moment; try again"
    return answer(Problem(503, "unavailable", detail, headers={"Retry-After": "1"}), request.url.path)


async def _on_error(request: Request, _error: Exception) -> Response:
    # The server logs the error itself, with its traceback and the same trace id.
    return answer(Problem(500, "internal", "something broke; the trace id tells us where"), request.url.path)


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    Problem: _on_problem,
    RequestValidationError: _on_invalid,
    HTTPException: _on_http_error,
    Transient: _on_transient,
    Exception: _on_error,
}


def _field_error(detail: Mapping[str, Any]) -> FieldError:
    place = [str(part) for part in detail["loc"]]
    if detail["type"] == "json_invalid":
        return FieldError(
            field="body", value="", message=f"not JSON: {detail['ctx']['error']} at {place[-1]}"
        )
    return FieldError(
        field=".".join(place[1:]) or place[0],
        # What is missing has no value; pydantic names all that stands around it.
        value="" if detail["type"] == "missing" else shown(detail.get("input")),
        message=wording.of(detail),
    )

"""The API's description: what every operation may answer, said once."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from onenet_api.problems import MEDIA_TYPE, ProblemView

Responses = dict[int | str, dict[str, Any]]

_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _problem(status: int, description: str) -> Responses:
    return {status: {"description": description, "content": _PROBLEM}}


_VERSION = {"ETag": _header("Its version.")}
_LOCATION = {"Location": _header("Path of the object.")} | _VERSION
_REPLAYED = {"Idempotency-Replayed": _header("`true` when an earlier answer is given again.")}

CREATED: Responses = {201: {"description": "Created.", "headers": _LOCATION | _REPLAYED}}
ACCEPTED: Responses = {
    202: {"description": "Stored for good; the rest follows.", "headers": _LOCATION | _REPLAYED}
}
CHANGED: Responses = {200: {"description": "Changed.", "headers": _VERSION | _REPLAYED}}
REPLAYED: Responses = {200: {"description": "Done, or done before.", "headers": _REPLAYED}}
GONE: Responses = {204: {"description": "Gone.", "headers": _REPLAYED}}
NOT_MODIFIED: Responses = {304: {"description": "It still has the version of If-None-Match."}}
NOT_FOUND = _problem(404, "It does not exist, or not for this user.")
CONFLICT = _problem(409, "Its state does not allow this; the problem says why.")
IN_USE = _problem(409, "Something still depends on it.")
STALE = _problem(412, "It has another version than If-Match says.")

TOO_MANY = _problem(429, "Too many streams at once; end one.")
STREAM: Responses = {
    200: {
        "description": "Events, until the stream ends; `data` of each is an Event.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}

_ANYWHERE = _problem(500, "Something broke; the trace id tells us where.") | _problem(
    503, "A part of OneNet is away for a moment; try again."
)
_WITH_TOKEN = _problem(401, "The access token is missing or refused; the problem says why.")
_WITH_INPUT = _problem(422, "A value is not right; `errors` says which, and what would be.")
_WITH_BODY = (
    _problem(400, "The body could not be read.")
    | _problem(413, "The body is larger than 64 KiB.")
    | _problem(415, "The body is not application/json.")
)
_OIDC = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An OIDC access token of the issuer that `/.well-known/onenet` names.",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with problem details for every error of every operation."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schemas = document["components"]["schemas"]
    schemas |= _schemas_of_problems()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["securitySchemes"] = {"oidc": _OIDC}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(operation, signed_in=path.startswith("/v1/"))
    return document


def _complete(operation: dict[str, Any], *, signed_in: bool) -> None:
    common = dict(_ANYWHERE)
    if signed_in:
        operation["security"] = [{"oidc": []}]
        common |= _WITH_TOKEN | _WITH_INPUT
    for parameter in operation.get("parameters", ()):
        _without_null(parameter)
    if "parameters" in operation or "requestBody" in operation:
        common |= _WITH_INPUT
    if "requestBody" in operation:
        common |= _WITH_BODY
    operation["responses"] |= {str(status): response for status, response in common.items()}


def _without_null(parameter: dict[str, Any]) -> None:
    """A parameter is left out or has a value; what the framework describes as null is the former."""
    schema = parameter["schema"]
    options = [option for option in schema.pop("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        schema |= options[0]
    elif options:
        schema["anyOf"] = options


def _schemas_of_problems() -> dict[str, Any]:
    schema = ProblemView.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}

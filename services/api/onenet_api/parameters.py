"""Query parameters that nobody reads: refused, since a misspelt one is silently a default otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from onenet_api.auth import Caller
from onenet_api.problems import FieldError, Problem, shown


async def require_known(request: Request, _caller: Caller) -> None:
    """For every route; asks for the caller only so that nobody is told before he is known.

    Raises:
        Problem: 422 naming each parameter that the operation does not have, and those that it has.
    """
    if not request.url.query:
        return
    known = sorted(set(_names(request.scope["route"].dependant)))
    message = f"there is no such parameter; {_listed(known)}"
    errors = [
        FieldError(field=name, value=shown(value), message=message)
        for name, value in request.query_params.items()
        if name not in known
    ]
    if errors:
        detail = "; ".join(f"{error.field}: {error.message}" for error in errors[:3])
        raise Problem(422, "invalid", detail, errors=errors)


def _listed(known: list[str]) -> str:
    return f"known are: {', '.join(known)}" if known else "there are none here"


def _names(dependant: Dependant) -> Iterator[str]:
    """The names of the query's parameters, those of its dependencies included."""
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (field.alias or name for name, field in model.model_fields.items())
        else:
            yield parameter.alias
    for dependency in dependant.dependencies:
        yield from _names(dependency)

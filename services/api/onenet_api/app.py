"""The HTTP application: all routes, how errors look, and a description that works offline."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline

from onenet_api import identity, openapi
from onenet_api.audit import routes as audit
from onenet_api.connections import routes as connections
from onenet_api.context import Context
from onenet_api.dead_letters import routes as dead_letters
from onenet_api.dependencies import routes as dependencies
from onenet_api.directory import routes as directory
from onenet_api.events import routes as events
from onenet_api.findings import routes as findings
from onenet_api.health import routes as health
from onenet_api.limits import BodyLimits
from onenet_api.mail import routes as mail
from onenet_api.parameters import require_known
from onenet_api.problems import HANDLERS
from onenet_api.providers import routes as providers
from onenet_api.resources import routes as resources
from onenet_api.services import routes as services
from onenet_api.traffic import routes as traffic
from onenet_api.webhooks import routes as webhooks

DESCRIPTION = """
Say which networks must talk; OneNet connects them, proves it, watches it and repairs it.

Create a **service** and register its **providers**: their **resources** are discovered. Ask for a
**connection** between two resources, of which you own one; once the other one's owner has agreed,
it is built, and watched from then on. What is not yours does not exist for you (404), but for what
the **directory** tells.

Errors are problem details (RFC 9457). Lists come in pages: pass `next` as `cursor`. Objects have a
version: send it back as `If-Match` with a change. Creates take an `Idempotency-Key`.
"""


def build(context: Context) -> FastAPI:
    """Build the application; nothing is connected or read before its first request."""
    app = FastAPIOffline(
        title="OneNet",
        version="1",
        summary="One API for the connections between networks",
        description=DESCRIPTION,
        redirect_slashes=False,
        exception_handlers=HANDLERS,
        telemetry={"operation_spans": False},
    )
    app.state.context = context
    app.add_middleware(BodyLimits)
    # In the order of their traffic: routes are matched one after the other.
    for feature in (
        connections,
        health,
        identity,
        resources,
        services,
        providers,
        directory,
        traffic,
        dependencies,
        findings,
        events,
        webhooks,
        mail,
        audit,
        dead_letters,
    ):
        app.include_router(feature.router, dependencies=[Depends(require_known)])
    app.include_router(identity.anybody)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = openapi.describe(app)
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]  # FastAPI's documented way to extend it

"""The control endpoints: look at the simulation and make it misbehave. No AWS has these."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.wrappers import Request, Response

from onenet_local.cloud.faults import Fault
from onenet_local.cloud.rules import Rules
from onenet_local.cloud.state import Cloud

PREFIX = "/onenet/"
SIMULATED = f"local cloud, simulated: moto {version('moto')} with AWS's rules on top"
_FILTERS = ("service", "operation", "account", "region")


class FaultOrder(BaseModel):
    """What POST /onenet/faults takes."""

    model_config = ConfigDict(extra="forbid")

    faults: list[Fault]
    seed: int = 0


class Control:
    """Answers everything under ``/onenet/``."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._routes = {
            ("GET", "healthz"): self._healthz,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._arm,
            ("DELETE", "faults"): self._disarm,
            ("GET", "calls"): self._calls,
            ("DELETE", "calls"): self._forget_calls,
            ("GET", "limits"): self._limits,
            ("POST", "limits"): self._set_limits,
            ("DELETE", "limits"): self._reset_limits,
            ("POST", "expire-credentials"): self._expire,
            ("POST", "reset"): self._reset,
        }

    def answer(self, request: Request) -> Response:
        """Answer one control request; 400 says what is wrong with it, 404 what there is."""
        what = request.path.removeprefix(PREFIX).strip("/")
        route = self._routes.get((request.method, what))
        if route is None:
            known = sorted(f"{method} {PREFIX}{name}" for method, name in self._routes)
            return _json({"error": f"no {request.method} {request.path}", "known": known}, 404)
        try:
            return _json(route(request))
        except ValidationError as error:
            return _json({"error": json.loads(error.json(include_url=False))}, 400)

    def _healthz(self, _: Request) -> Any:
        return {"status": "ok", "cloud": SIMULATED}

    def _faults(self, _: Request) -> Any:
        return {"faults": self._cloud.faults.report()}

    def _arm(self, request: Request) -> Any:
        order = FaultOrder.model_validate_json(request.get_data())
        self._cloud.faults.arm(order.faults, order.seed)
        return self._faults(request)

    def _disarm(self, _: Request) -> Any:
        self._cloud.faults.clear()
        return {}

    def _calls(self, request: Request) -> Any:
        wanted = {name: request.args[name] for name in _FILTERS if name in request.args}
        counts = self._cloud.calls.counts(**wanted)
        answer: dict[str, object] = {"calls": counts, "total": sum(int(str(one["count"])) for one in counts)}
        if "log" in request.args:
            answer["log"] = self._cloud.calls.log(**wanted)
        return answer

    def _forget_calls(self, _: Request) -> Any:
        self._cloud.calls.clear()
        return {}

    def _limits(self, _: Request) -> Any:
        return self._cloud.rules.model_dump()

    def _set_limits(self, request: Request) -> Any:
        given = Rules.model_validate_json(request.get_data())
        self._cloud.rules = self._cloud.rules.model_copy(update=given.model_dump(exclude_unset=True))
        return self._limits(request)

    def _reset_limits(self, request: Request) -> Any:
        self._cloud.rules = self._cloud.started_with
        return self._limits(request)

    def _expire(self, _: Request) -> Any:
        self._cloud.credentials.expire_all()
        return {}

    def _reset(self, _: Request) -> Any:
        self._cloud.reset()
        return {}


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")

"""The way of a call: who, what goes wrong with it, carried out, answered, counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import OperationNotFoundError
from moto.core.request import Request as MotoRequest
from moto.core.responses import BaseResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request, Response

from onenet_local.cloud.calls import Call, Logged, arguments_of, operation_of, scope_of
from onenet_local.cloud.control import PREFIX, Control
from onenet_local.cloud.credentials import Caller
from onenet_local.cloud.errors import AwsError, Refusal, error_response, refusal
from onenet_local.cloud.faults import Fault, Kind
from onenet_local.cloud.server import Dropped
from onenet_local.cloud.state import Cloud

log = logging.getLogger(__name__)

Service = Callable[[Cloud, Caller], BaseResponse]

_REFUSALS = {
    Kind.THROTTLE: Refusal.THROTTLED,
    Kind.SERVER_ERROR: Refusal.INTERNAL,
    Kind.UNAUTHORIZED: Refusal.UNAUTHORIZED,
}


class _ServedRequest(MotoRequest):
    """What moto expects of a request that came in through a server."""

    from_wsgi_server = True


class Gateway:
    """Takes every HTTP request that reaches the local cloud.

    Args:
        cloud: the state behind it.
        services: those with AWS's rules on top, by signing name; all others are moto's own.
    """

    def __init__(self, cloud: Cloud, services: Mapping[str, Service]) -> None:
        self._cloud = cloud
        self._services = services
        self._control = Control(cloud)
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any]) -> Response:
        """Answer one request.

        Raises:
            Dropped: when a fault takes the answer away.
        """
        if environ["PATH_INFO"].startswith(PREFIX):
            return self._control.answer(Request(environ))
        request = _ServedRequest(environ)
        scope = scope_of(request)
        if scope is None:
            return error_response("sts", refusal("sts", Refusal.UNSIGNED))
        operation = operation_of(request, request.get_data())
        try:
            token = request.headers.get("X-Amz-Security-Token", "")
            caller = self._cloud.credentials.caller(scope.access_key, token, scope.service)
        except AwsError as error:
            call = Call(scope.service, operation, "", scope.region)
            self._cloud.calls.record(Logged(call, "refused", scope.access_key))
            return error_response(scope.service, error)
        call = Call(scope.service, operation, caller.account, scope.region)
        fault = self._cloud.faults.strike(call)
        outcome = fault.kind.value if fault else "answered"
        logged = Logged(call, outcome, scope.access_key, arguments_of(request.get_data()))
        self._cloud.calls.record(logged)
        try:
            return self._answer(call, caller, request, fault)
        finally:
            logged.until = time.time()

    def _answer(self, call: Call, caller: Caller, request: MotoRequest, fault: Fault | None) -> Response:
        if latency := self._cloud.rules.latency:
            time.sleep(latency)
        if fault is not None and fault.kind in _REFUSALS:
            return error_response(call.service, refusal(call.service, _REFUSALS[fault.kind]))
        if fault is not None:
            self._hold_up(fault)
        response = self._carry_out(call, caller, request)
        if fault is not None and fault.kind is Kind.LOSE_ANSWER:
            raise Dropped
        return response

    def _hold_up(self, fault: Fault) -> None:
        if fault.kind in (Kind.DELAY, Kind.HANG):
            time.sleep(fault.seconds)
        if fault.kind is Kind.HANG:
            raise Dropped

    def _carry_out(self, call: Call, caller: Caller, request: MotoRequest) -> Response:
        # moto's own way of telling it the account, ahead of its guess from the access key.
        request.environ["HTTP_X_MOTO_ACCOUNT_ID"] = caller.account
        service = self._services.get(call.service)
        try:
            if service is None:
                request.environ["wsgi.input"].seek(0)
                return Response.from_app(self._moto, request.environ)
            with self._cloud.lock:
                return _dispatch(service(self._cloud, caller), request)
        except AwsError as error:
            return error_response(call.service, error)
        except (OperationNotFoundError, NotImplementedError) as error:
            return error_response(call.service, AwsError(400, "InvalidAction", f"Not simulated: {error}"))
        except Exception:
            log.exception("call failed inside the simulation", extra={"operation": call.operation})
            return error_response(call.service, refusal(call.service, Refusal.INTERNAL))


def _dispatch(response: BaseResponse, request: MotoRequest) -> Response:
    response.setup_class(request)
    status, headers, body = response.call_action()
    return Response(body, status, headers)

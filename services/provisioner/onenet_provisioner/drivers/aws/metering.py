"""Every AWS call counted and timed, by service, operation and what came of it.

Neither account nor region is a label: owners bring as many as they like.
"""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

from onenet_common.durations import duration
from onenet_provisioner.drivers.aws.errors import translate

_calls = duration("rpc.client.call.duration", "Calls of providers' APIs, by service, operation and error")

_STARTED = "onenet_started"


def meter_calls(client: Any) -> None:
    """Measure each call of a client, with the words that its spans have.

    ``error.type`` is the code that the call's error has for OneNet, such as ``throttled``.
    """
    service = client.meta.service_model.service_id

    def before(context: dict[str, Any], model: Any, **_: Any) -> None:
        context[_STARTED] = (time.perf_counter(), model.name)

    def answered(context: dict[str, Any], http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
        refused = http_response.status_code >= 300
        ended(context, ClientError(parsed, model.name) if refused else None)

    def ended(context: dict[str, Any], exception: Exception | None, **_: Any) -> None:
        started, method = context[_STARTED]
        labels = {"rpc.system": "aws-api", "rpc.service": service, "rpc.method": method}
        if exception is not None:
            labels["error.type"] = translate(exception).code
        _calls.record(time.perf_counter() - started, labels)

    client.meta.events.register("before-call", before)
    client.meta.events.register("after-call", answered)
    client.meta.events.register("after-call-error", ended)

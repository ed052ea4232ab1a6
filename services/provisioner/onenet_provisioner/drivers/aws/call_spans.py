"""What the span of an AWS call says beside what its instrumentation does, in today's conventions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from opentelemetry.trace import Span

from onenet_provisioner.drivers.aws.errors import translate

PROVIDERS_CODE = "onenet.provider.error.code"


def describe(span: Span, _service: str, operation: str, answer: Mapping[str, Any] | None) -> None:
    """Add region and error to the span of a call that has ended; never what was sent or answered.

    ``error.type`` is OneNet's code, the same as of the call's metric; AWS's own stands beside it.

    Args:
        answer: None when there was none.
    """
    if not span.is_recording():
        return
    known: Mapping[str, Any] = getattr(span, "attributes", None) or {}
    span.set_attribute("cloud.provider", "aws")
    span.set_attribute("cloud.region", known.get("aws.region", ""))
    if (status := known.get("http.status_code")) is not None:
        span.set_attribute("http.response.status_code", status)
    if (error := _error(operation, answer)) is not None:
        span.set_attribute("error.type", translate(error).code)
        span.set_attribute(PROVIDERS_CODE, _providers_code(error))


def _error(operation: str, answer: Any) -> Exception | None:
    """What the call raises; when nobody answered, that is in flight here."""
    if answer is None:
        raised = sys.exc_info()[1]
        return raised if isinstance(raised, Exception) else TimeoutError()
    return ClientError(answer, operation) if answer.get("Error", {}).get("Code") else None


def _providers_code(error: Exception) -> str:
    """AWS's code of a refusal; the exception's class when nobody answered."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__

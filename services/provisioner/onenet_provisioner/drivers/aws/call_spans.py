"""What the span of an AWS call says beside what its instrumentation does, in today's conventions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import Span


def describe(span: Span, _service: str, _operation: str, answer: Mapping[str, Any] | None) -> None:
    """Add region and error to the span of a call that has ended; never what was sent or answered.

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
    if (error := _error(answer)) is not None:
        span.set_attribute("error.type", error)


def _error(answer: Mapping[str, Any] | None) -> str | None:
    """AWS's code of a refusal; the exception's class when nobody answered, which is in flight here."""
    if answer is not None:
        code = answer.get("Error", {}).get("Code")
        return str(code) if code else None
    raised = sys.exc_info()[0]
    return raised.__name__ if raised else "_OTHER"

"""The span of one try at a link, and what it is linked to.

Work on a wish belongs to the wish's trace. A look at what stands is a trace of its own, linked to
that of the wish, however long ago that was. A try is linked to the one before it: of the same
wish, of the path that was refused, or of the wish that went before.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span

from onenet_common import tracing
from onenet_common.tracing import TRACE_HEADERS, tracer
from onenet_provisioner.phases import Phase

if TYPE_CHECKING:
    from onenet_provisioner.links import Work

PREVIOUS = "previous"
"""The key, beside the W3C headers of a link's trace, of the last try's ``traceparent``."""


def reconciling(work: Work) -> AbstractContextManager[Span]:
    """The current span of a try at a link, for as long as the block lasts."""
    cause = work.trace.get("traceparent")
    previous = work.trace.get(PREVIOUS)
    watched = work.phase is Phase.WATCHED
    return tracer.start_as_current_span(
        f"reconcile {work.ctype.value if work.ctype else 'nothing'}",
        context=Context() if watched else propagate.extract(_headers(work.trace), context=Context()),
        links=tracing.links(*((cause, previous) if watched else (previous,))),
        attributes={
            **tracing.connection_attributes(work.connection_id, work.generation, work.ctype),
            "onenet.phase": work.phase.value,
        },
    )


def tried(work: Work) -> Work:
    """The link with the current span as the try before the next one, unless it is as desired."""
    if not trace.get_current_span().is_recording():
        return work
    headers = _headers(work.trace)
    if work.phase is Phase.WATCHED and not work.attempts:
        return replace(work, trace=headers)
    return replace(work, trace={**headers, PREVIOUS: tracing.carrier()["traceparent"]})


def following(headers: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """The trace of a wish whose first try is linked to what went before it.

    Args:
        headers: the new wish's.
        before: the trace of the link as it was; empty for a new one.
    """
    previous = before.get(PREVIOUS) or before.get("traceparent")
    return {**headers, PREVIOUS: previous} if previous else dict(headers)


def _headers(stored: Mapping[str, str]) -> dict[str, str]:
    return {name: stored[name] for name in TRACE_HEADERS if name in stored}

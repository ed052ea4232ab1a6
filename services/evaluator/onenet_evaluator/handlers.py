"""Events in, decisions out. Nothing is stored: a repeated cause gives the same event again."""

from __future__ import annotations

from collections.abc import Sequence

from onenet_common.bus import Processor
from onenet_common.connection import RefusedPath, Wish
from onenet_common.envelope import Message
from onenet_common.errors import Malformed
from onenet_common.events import (
    ConnectionEvaluated,
    ConnectionPathRefused,
    ConnectionRejected,
    ConnectionRequested,
)
from onenet_common.producer import Outgoing, Producer
from onenet_common.telemetry import meter
from onenet_evaluator.evaluation import evaluate
from onenet_evaluator.paths import Catalogue

_decisions = meter.create_counter("onenet.evaluations", description="Decisions by ctype and outcome")

HANDLED = frozenset({ConnectionRequested.type, ConnectionPathRefused.type})


def evaluating(catalogue: Catalogue, producer: Producer) -> Processor:
    """A processor that answers every request with a decision, all acknowledged or Transient."""

    async def process(messages: Sequence[Message]) -> None:
        await producer.send([Outgoing.of(decide(message, catalogue)) for message in messages])

    return process


def decide(message: Message, catalogue: Catalogue) -> Message:
    """The evaluated or rejected event that follows from a request.

    Raises:
        Malformed: for an event that is neither a request nor a refused path.
    """
    wish = _wish(message)
    decision = evaluate(wish, catalogue)
    about = {"connection_id": wish.id, "generation": wish.generation, "alternatives": decision.alternatives}
    if decision.ctype is None:
        _decisions.add(1, {"ctype": "", "outcome": "rejected"})
        return message.derive(
            ConnectionRejected(**about, ctype=wish.ctype, reasons=decision.reasons, told=decision.told)
        )
    _decisions.add(1, {"ctype": decision.ctype.value, "outcome": "chosen"})
    return message.derive(ConnectionEvaluated(**about, wish=wish, ctype=decision.ctype))


def _wish(message: Message) -> Wish:
    match message.event:
        case ConnectionRequested(wish=wish):
            return wish
        case ConnectionPathRefused(wish=wish, ctype=ctype, reason=reason, told=told):
            refused = (*wish.refused_paths, RefusedPath(ctype=ctype, reason=reason, told=told))
            return wish.model_copy(update={"refused_paths": refused})
    raise Malformed(f"{message.event.type} asks for no decision")

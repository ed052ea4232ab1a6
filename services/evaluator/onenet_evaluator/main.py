"""The evaluator: consumes requests, publishes decisions."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from onenet_common import events
from onenet_common.bus import Consumer
from onenet_common.commands import dispatch
from onenet_common.errors import Malformed
from onenet_common.producer import Producer
from onenet_common.runner import Component, run
from onenet_common.settings import load
from onenet_common.topics import Topics
from onenet_evaluator.handlers import HANDLED, evaluating
from onenet_evaluator.paths import Catalogue, read
from onenet_evaluator.settings import EvaluatorSettings

NAME = "onenet-evaluator"


def wire(settings: EvaluatorSettings, catalogue: Catalogue) -> Sequence[Component]:
    producer = Producer(settings)
    consumer = Consumer(
        settings,
        group=NAME,
        topics=[events.CONNECTIONS],
        process=evaluating(catalogue, producer),
        producer=producer,
        handled=HANDLED,
    )
    return [Topics(settings), producer, consumer]


def main() -> None:
    """Run until SIGTERM, or say what the command line can."""
    dispatch(NAME, _serve, {})


def _serve() -> None:
    settings = load(EvaluatorSettings, "EVALUATOR")
    try:
        catalogue = read(settings.catalogue)
    except Malformed as error:
        sys.stderr.write(f"ONENET_EVALUATOR_CATALOGUE: {error.reason}\n")
        sys.exit(2)
    run(NAME, settings, lambda: wire(settings, catalogue))


if __name__ == "__main__":
    main()

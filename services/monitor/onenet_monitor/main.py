"""The monitor: judges health, keeps key figures."""

from __future__ import annotations

from collections.abc import Sequence

from onenet_common import events
from onenet_common.backlog import Backlog
from onenet_common.bus import Consumer, in_transaction
from onenet_common.database import Database
from onenet_common.housekeeping import Housekeeping
from onenet_common.producer import Producer
from onenet_common.relay import Relay
from onenet_common.runner import Component, run
from onenet_common.settings import Settings, load
from onenet_common.topics import Topics
from onenet_monitor import store
from onenet_monitor.figures import Figures
from onenet_monitor.handlers import handle
from onenet_monitor.tables import Table

NAME = "onenet-monitor"
PATIENCE = 0.25
"""Seconds by which a verdict may come later, since nobody waits for one."""


def wire(settings: Settings) -> Sequence[Component]:
    database = Database(
        settings.database_url.get_secret_value(), schema="monitor", metadata=Table.metadata, size=4
    )
    producer = Producer(settings)
    consumer = Consumer(
        settings,
        group=NAME,
        topics=[events.CONNECTIONS, events.HEALTH],
        process=in_transaction(database, NAME, handle),
        producer=producer,
        patience=PATIENCE,
    )
    return [
        Topics(settings),
        database,
        Housekeeping(database, store.ENDED_STANDINGS),
        producer,
        Relay(database, producer),
        Backlog(database),
        Figures(database),
        consumer,
    ]


def main() -> None:
    settings = load(Settings, "MONITOR")
    run(NAME, settings, lambda: wire(settings))


if __name__ == "__main__":
    main()

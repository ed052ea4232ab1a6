"""``onenet-monitor flows``: counts flow logs, in a process of its own.

It holds what is in hand in memory and takes a core when there is much to count, and neither should be in
the way of verdicts on health.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onenet_common.database import Database
from onenet_common.housekeeping import Housekeeping, Retention
from onenet_common.producer import Producer
from onenet_common.runner import Component, run
from onenet_common.topics import Topics
from onenet_monitor.flows.consumer import FlowConsumer
from onenet_monitor.flows.inventory_store import PAST
from onenet_monitor.flows.keeping import Keeping
from onenet_monitor.flows.partitions import Partitioned
from onenet_monitor.settings import MonitorSettings

NAME = "onenet-monitor-flows"


def wire(settings: MonitorSettings, database: Database) -> Sequence[Component]:
    producer = Producer(settings)
    minutes = Partitioned("flow_minutes", settings.flow_minutes_days)
    hours = Partitioned("flow_hours", settings.flow_hours_days)
    return [
        Topics(settings),
        database,
        Housekeeping(
            database,
            *PAST,
            Retention("flow_days", "day", settings.flow_days_days),
            Retention("edges", "last_seen", settings.flow_dependencies_days),
            Retention("dependencies", "last_seen", settings.flow_dependencies_days),
        ),
        Keeping(database, minutes, hours, interval=settings.flow_rollup_interval),
        producer,
        FlowConsumer(settings, database, producer, minutes),
    ]


def serve(settings: MonitorSettings, database: Callable[[MonitorSettings], Database]) -> None:
    """Run until SIGTERM."""
    run(NAME, settings, lambda: wire(settings, database(settings)))

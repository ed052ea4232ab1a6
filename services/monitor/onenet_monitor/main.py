"""The monitor: judges health, keeps key figures; ``onenet-monitor flows`` counts traffic."""

from __future__ import annotations

from collections.abc import Sequence

from onenet_common import events
from onenet_common.backlog import Backlog
from onenet_common.bus import Consumer, in_transaction
from onenet_common.commands import Command, Service, dispatch
from onenet_common.database import Connection, Database
from onenet_common.envelope import Message
from onenet_common.housekeeping import Housekeeping
from onenet_common.migrating import migrate
from onenet_common.migrations import Migrations
from onenet_common.producer import Producer
from onenet_common.relay import Relay
from onenet_common.replaying import one_by_one, replay
from onenet_common.runner import Component, run
from onenet_common.settings import load
from onenet_common.topics import Topics
from onenet_monitor import cleartext, store, verdict_store
from onenet_monitor.figures import Figures
from onenet_monitor.findings import knowledge
from onenet_monitor.findings.inspector import CLOSED_FINDINGS, Inspector
from onenet_monitor.flows import inventory, inventory_store
from onenet_monitor.handlers import handle
from onenet_monitor.inventory_replay import rebuilding_inventory
from onenet_monitor.listening import FlowMinutes, Listening
from onenet_monitor.rejudging import Rejudging
from onenet_monitor.replay import rebuilding
from onenet_monitor.settings import MonitorSettings

NAME = "onenet-monitor"
INVENTORY_GROUP = "onenet-monitor-inventory"
"""Of its own, since it reads from the beginning what the other one has read long ago."""
MIGRATIONS = Migrations("onenet_monitor.migrations")
PATIENCE = 0.25
"""Seconds by which a verdict may come later, since nobody waits for one."""


def wire(settings: MonitorSettings) -> Sequence[Component]:
    database = _database(settings)
    producer = Producer(settings)
    consumer = Consumer(
        settings,
        group=NAME,
        topics=[events.CONNECTIONS, events.HEALTH],
        process=in_transaction(database, NAME, handle),
        producer=producer,
        patience=PATIENCE,
    )
    follower = Consumer(
        settings,
        group=INVENTORY_GROUP,
        topics=[events.CONNECTIONS, events.INVENTORY],
        process=in_transaction(database, INVENTORY_GROUP, follow),
        producer=producer,
        handled=inventory.HANDLED,
        patience=PATIENCE,
    )
    return [
        Topics(settings),
        database,
        Housekeeping(database, store.ENDED_STANDINGS, verdict_store.PAST_PERIODS, CLOSED_FINDINGS),
        producer,
        Relay(database, producer),
        Backlog(database),
        Figures(database),
        consumer,
        follower,
        Rejudging(database),
        Listening(database, FlowMinutes()),
        Inspector(database, cleartext.parse(settings.cleartext), interval=settings.inspection_interval),
    ]


async def follow(messages: Sequence[Message], connection: Connection) -> None:
    """What flows are attributed by, and what findings are drawn from."""
    await inventory_store.follow(messages, connection)
    await knowledge.learn(messages, connection)


def main() -> None:
    """Run until SIGTERM, or do what the command line says."""
    commands: dict[str, Command | Service] = {
        "flows": Service(_serve_flows, "count flow logs until SIGTERM"),
        "migrate": migrate(_ours, MIGRATIONS),
        "replay": replay(
            _ours,
            MIGRATIONS,
            one_by_one(rebuilding(_settings, NAME), rebuilding_inventory(_settings, INVENTORY_GROUP)),
        ),
    }
    dispatch(NAME, _serve, commands)


def _serve() -> None:
    settings = _settings()
    run(NAME, settings, lambda: wire(settings))


def _serve_flows() -> None:
    # What it is made of takes a hundred megabytes, which the other process does without.
    from onenet_monitor.flows import main as flows

    flows.serve(_settings(), _database)


def _settings() -> MonitorSettings:
    return load(MonitorSettings, "MONITOR")


def _ours() -> Database:
    return _database(_settings())


def _database(settings: MonitorSettings) -> Database:
    return Database(
        settings.database_url.get_secret_value(),
        schema="monitor",
        migrations=MIGRATIONS,
        migrate=settings.migrate,
        size=4,
    )


if __name__ == "__main__":
    main()

"""The provisioner: takes in wishes, works on links, watches them, discovers what there is."""

from __future__ import annotations

from collections.abc import Sequence

from onenet_common import events
from onenet_common.backlog import Backlog
from onenet_common.bus import Consumer, in_transaction
from onenet_common.commands import dispatch
from onenet_common.database import Database
from onenet_common.housekeeping import Housekeeping
from onenet_common.migrating import migrate
from onenet_common.migrations import Migrations
from onenet_common.notifications import Listener
from onenet_common.producer import Producer
from onenet_common.relay import Relay
from onenet_common.runner import Component, run
from onenet_common.settings import load
from onenet_common.topics import Topics
from onenet_provisioner import link_store, provider_store
from onenet_provisioner.discovering import Discoverer
from onenet_provisioner.dispatcher import Dispatcher
from onenet_provisioner.drivers.registry import registry
from onenet_provisioner.handlers import HANDLED, taking_in
from onenet_provisioner.link_store import LinkStore
from onenet_provisioner.links import Work
from onenet_provisioner.provider_store import Look, ProviderStore
from onenet_provisioner.reconciler import Reconciler
from onenet_provisioner.settings import ProvisionerSettings
from onenet_provisioner.touched import Touched

NAME = "onenet-provisioner"
MIGRATIONS = Migrations("onenet_provisioner.migrations")
DISCOVERIES_AT_ONCE = 8


def wire(settings: ProvisionerSettings) -> Sequence[Component]:
    database = _database(settings)
    links = LinkStore(database, deadline=settings.deadline)
    providers = ProviderStore(database)
    clouds = registry(settings, providers.provider)
    touched = Touched(providers, after=settings.discovery_after_change)

    reconciler = Reconciler(
        links,
        clouds.drivers,
        watch_interval=settings.watch_interval,
        wake_after=lambda seconds: working.wake_after(seconds),
        changed=touched.add,
    )
    working: Dispatcher[Work] = Dispatcher(
        "link", links, reconciler.reconcile, concurrency=settings.concurrency
    )
    discoverer = Discoverer(providers, clouds.discoveries, interval=settings.discovery_interval)
    looking: Dispatcher[Look] = Dispatcher(
        "provider", providers, discoverer.look, concurrency=DISCOVERIES_AT_ONCE
    )
    producer = Producer(settings)
    consumer = Consumer(
        settings,
        group=NAME,
        topics=[events.CONNECTIONS, events.INVENTORY],
        process=in_transaction(database, NAME, taking_in(links, providers)),
        producer=producer,
        handled=HANDLED,
    )
    return [
        Topics(settings),
        database,
        Housekeeping(database, link_store.TOMBSTONES),
        producer,
        Relay(database, producer),
        Backlog(database),
        clouds,
        touched,
        working,
        looking,
        Listener(database, link_store.CHANNEL, lambda _: working.wake()),
        Listener(database, provider_store.CHANNEL, lambda _: looking.wake()),
        consumer,
    ]


def main() -> None:
    """Run until SIGTERM, or do what the command line says."""
    dispatch(NAME, _serve, {"migrate": migrate(lambda: _database(_settings()), MIGRATIONS)})


def _serve() -> None:
    settings = _settings()
    run(NAME, settings, lambda: wire(settings))


def _settings() -> ProvisionerSettings:
    return load(ProvisionerSettings, "PROVISIONER")


def _database(settings: ProvisionerSettings) -> Database:
    return Database(
        settings.database_url.get_secret_value(),
        schema="provisioner",
        migrations=MIGRATIONS,
        migrate=settings.migrate,
        size=16,
    )


if __name__ == "__main__":
    main()

"""The collector: takes in flow-log files as AWS delivers them."""

from __future__ import annotations

from collections.abc import Sequence

from onenet_common.commands import dispatch
from onenet_common.database import Database
from onenet_common.housekeeping import Housekeeping
from onenet_common.migrating import migrate
from onenet_common.migrations import Migrations
from onenet_common.producer import Producer
from onenet_common.runner import Component, run
from onenet_common.settings import load
from onenet_common.topics import Topics
from onenet_monitor.collector import files
from onenet_monitor.collector.aws.cloud import Cloud
from onenet_monitor.collector.backlog import Backlog
from onenet_monitor.collector.collecting import Collector
from onenet_monitor.collector.files import Files
from onenet_monitor.collector.publishing import Publisher
from onenet_monitor.collector.settings import CollectorSettings

NAME = "onenet-collector"
MIGRATIONS = Migrations("onenet_monitor.collector.migrations")


def wire(settings: CollectorSettings) -> Sequence[Component]:
    database = _database(settings)
    producer = Producer(settings)
    cloud = Cloud(
        settings.queue_url,
        region=settings.region,
        endpoint_url=settings.aws_endpoint_url,
        hidden=settings.hidden,
        poll=settings.poll,
        connections=2 * settings.concurrency,
    )
    publisher = Publisher(
        cloud,
        Files(database),
        producer,
        largest=settings.largest_file,
        stopping=lambda: collector.stopping(),
    )
    collector = Collector(cloud, publisher.publish, hidden=settings.hidden, concurrency=settings.concurrency)
    return [
        Topics(settings),
        database,
        Housekeeping(database, files.RETENTION),
        producer,
        cloud,
        Backlog(cloud),
        collector,
    ]


def main() -> None:
    """Run until SIGTERM, or do what the command line says."""
    dispatch(NAME, _serve, {"migrate": migrate(lambda: _database(_settings()), MIGRATIONS)})


def _serve() -> None:
    settings = _settings()
    run(NAME, settings, lambda: wire(settings))


def _settings() -> CollectorSettings:
    return load(CollectorSettings, "COLLECTOR")


def _database(settings: CollectorSettings) -> Database:
    return Database(
        settings.database_url.get_secret_value(),
        schema="collector",
        migrations=MIGRATIONS,
        migrate=settings.migrate,
        size=settings.concurrency + 1,
    )


if __name__ == "__main__":
    main()

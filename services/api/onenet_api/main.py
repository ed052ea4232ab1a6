"""The API's parts, wired."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import httpx

from onenet_api import app, idempotency
from onenet_api.connections import projection
from onenet_api.connections.requests import Requests
from onenet_api.connections.waiting import Changes
from onenet_api.context import Context
from onenet_api.dead_letters.reader import DeadLetters
from onenet_api.dead_letters.replaying import Replaying
from onenet_api.events import telling
from onenet_api.events.streams import Streams
from onenet_api.keys import IssuerKeys
from onenet_api.mail.smtp import Smtp
from onenet_api.mail.worker import Mailer
from onenet_api.replay.command import rebuilding
from onenet_api.resources import inventory
from onenet_api.settings import ApiSettings
from onenet_api.sweeper import Sweeper
from onenet_api.tokens import TokenVerifier
from onenet_api.webhooks.sealing import Seals
from onenet_api.webhooks.sending import Sender, trusting
from onenet_api.webhooks.worker import Deliveries
from onenet_common.backlog import Backlog
from onenet_common.bus import Consumer, in_transaction
from onenet_common.commands import dispatch
from onenet_common.database import Database
from onenet_common.events import CONNECTIONS, FINDINGS, INVENTORY
from onenet_common.housekeeping import Housekeeping, Retention
from onenet_common.migrating import migrate
from onenet_common.migrations import Migrations
from onenet_common.producer import Producer
from onenet_common.relay import Relay
from onenet_common.replaying import replay
from onenet_common.runner import Component, Server, run
from onenet_common.settings import load
from onenet_common.topics import Topics

SERVICE = "onenet-api"
INVENTORY_GROUP = f"{SERVICE}-inventory"
MAIL_DAYS = 2
"""For how long a mail waits for a server; tries end after one."""
MIGRATIONS = Migrations("onenet_api.migrations")
ALLOCATIONS = 10_000
"""Objects by which memory has grown when the garbage collector looks at them; Python 3.11's own is 700,
and an answer may be thousands of objects. Only here: elsewhere megabytes of messages wait to be looked at."""
WORK_MEM = "32MB"
"""For a graph or a month, tens of thousands of rows, to be sorted in memory; other statements need none."""


def wire(settings: ApiSettings) -> Sequence[Component]:
    """Build every part, inert, in the order in which they start."""
    database = _database(settings)
    producer = Producer(settings)
    keys = IssuerKeys(settings.api_oidc_issuer, httpx.AsyncClient(), jwks_url=settings.api_oidc_jwks_url)
    changes = Changes(database)
    verifier = TokenVerifier(keys, settings)
    replaying = Replaying(DeadLetters(settings), producer)
    streams = Streams(settings, database, verifier)
    sender = Sender(
        timeout=settings.api_webhooks_timeout,
        loopback=settings.api_webhooks_loopback,
        tls=trusting(settings.api_webhooks_ca_file),
    )
    seals = Seals(settings.api_secrets_keys)
    context = Context(
        settings, database, verifier, changes, Requests(database), replaying, streams, sender, seals
    )
    return (
        Topics(settings),
        database,
        Housekeeping(database, *retentions(settings)),
        producer,
        Relay(database, producer),
        Backlog(database),
        Consumer(
            settings,
            group=SERVICE,
            topics=[CONNECTIONS],
            process=in_transaction(database, SERVICE, projection.project),
            producer=producer,
            handled=projection.HANDLED,
        ),
        Consumer(
            settings,
            group=INVENTORY_GROUP,
            topics=[INVENTORY],
            process=in_transaction(database, INVENTORY_GROUP, inventory.project),
            producer=producer,
            handled=inventory.HANDLED,
            patience=0.1,
        ),
        Consumer(
            settings,
            group=telling.CONSUMER,
            topics=[CONNECTIONS, INVENTORY, FINDINGS],
            process=telling.telling(database),
            producer=producer,
            handled=telling.HANDLED,
            patience=0.1,
            wanted=telling.wanted(database),
        ),
        Deliveries(database, sender, seals, patience=settings.api_webhooks_patience),
        *_mailers(settings, database),
        Sweeper(database, after=settings.api_republish_after),
        keys,
        Server(app.build(context), host=settings.api_host, port=settings.api_port),
        # Stopped first: who waits or listens is answered, so that the server can drain.
        changes,
        streams,
    )


def _mailers(settings: ApiSettings, database: Database) -> Sequence[Component]:
    """None where there is no mail server; what waits then is kept until there is one, or two days."""
    if settings.api_smtp_host is None:
        return ()
    smtp = Smtp(
        settings.api_smtp_host,
        settings.api_smtp_port,
        settings.api_smtp_security,
        settings.api_smtp_user,
        settings.api_smtp_password,
        settings.api_smtp_ca_file,
    )
    return (Mailer(database, smtp, settings.api_mail_from),)


def retentions(settings: ApiSettings) -> Sequence[Retention]:
    """What the API does not keep for ever; connections stay, those that came to their end too."""
    return (
        Retention("answers", "created_at", idempotency.RETENTION_DAYS),
        Retention("audit", "time", settings.api_audit_days),
        Retention("timeline", "time", settings.api_timeline_days),
        Retention("webhook_attempts", "time", settings.api_webhooks_days),
        Retention("mail_lines", "due_at", MAIL_DAYS),
    )


def main() -> None:
    """Run until SIGTERM, or do what the command line says."""
    commands = {
        "migrate": migrate(_ours, MIGRATIONS),
        "replay": replay(_ours, MIGRATIONS, rebuilding(_settings, SERVICE, INVENTORY_GROUP), decides=True),
    }
    dispatch(SERVICE, _serve, commands)


def _serve() -> None:
    settings = _settings()
    gc.set_threshold(ALLOCATIONS)
    run(SERVICE, settings, lambda: wire(settings))


def _settings() -> ApiSettings:
    return load(ApiSettings, "API")


def _ours() -> Database:
    return _database(_settings())


def _database(settings: ApiSettings) -> Database:
    return Database(
        settings.database_url.get_secret_value(),
        schema="api",
        migrations=MIGRATIONS,
        migrate=settings.migrate,
        work_mem=WORK_MEM,
    )

"""``onenet webhooks``: having a system of one's own told what happens to a service."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from onenet_client import names
from onenet_client.cli import columns
from onenet_client.cli.consent import Yes
from onenet_client.cli.exits import Exit
from onenet_client.cli.output import Column, Format, Output, console, dump, note, show_all, show_one, table
from onenet_client.cli.session import run
from onenet_client.cli.times import since
from onenet_client.client import Client
from onenet_client.models import Attempt, Page, Webhook
from onenet_client.telling import GRACE_HOURS

SHORT = "Have a system of yours told what happens to a service."
GUIDE = """Have a system of yours told what happens to a service.

Every event is posted to a URL, signed as Standard Webhooks has it, and tried
again for a day when it fails; then the webhook is disabled. The secret that
signatures are checked with is shown once: by create, and by rotate, which
makes another one.
"""

WebhookArgument = Annotated[str, typer.Argument(metavar="ID", help="Id, its beginning, or the URL.")]
ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE", help="Id, its beginning, or name.")]
Types = Annotated[
    list[str] | None, typer.Option("--type", help="Of these events, such as connection.failed; repeatable.")
]
Description = Annotated[str | None, typer.Option(help="What it is for.")]
Url = Annotated[str, typer.Argument(help="https://…, at a public address.")]
_FIELDS = (Column("FIELD", lambda pair: pair[0]), Column("VALUE", lambda pair: pair[1]))
SECRET = "the secret is shown this once and never again: put it where the receiver finds it"  # noqa: S105  # a sentence
LOST = "the secret was in an answer that was lost on the way: make another one with onenet webhooks rotate"


def show_list(
    context: typer.Context,
    service: Annotated[str | None, typer.Option(help="Of this service; of all of yours by default.")] = None,
    output: Output = Format.TABLE,
) -> None:
    """List webhooks."""

    async def work(client: Client) -> list[Webhook]:
        return await _every(client, service)

    show_all(run(context, work), columns.WEBHOOKS, output)


def show(context: typer.Context, webhook: WebhookArgument, output: Output = Format.TABLE) -> None:
    """Show one webhook, and why it is disabled if it is."""
    found = run(context, lambda client: _found(client, webhook))
    if output in (Format.JSON, Format.YAML):
        dump(found.model_dump(mode="json", exclude={"secret"}), output)
        return
    lines = [
        ("webhook", str(found.id)),
        ("service", str(found.service)),
        ("url", found.url),
        ("description", found.description),
        ("events", ", ".join(found.types) or "all"),
        ("enabled", "yes" if found.enabled else "no"),
        ("disabled", found.disabled_reason or ""),
        ("waiting", str(found.waiting)),
        ("signed twice until", columns.when(found.previous_until)),
        ("made by", found.created_by),
        ("made", columns.when(found.created_at)),
    ]
    console().print(table([line for line in lines if line[1]], _FIELDS))


def create(
    context: typer.Context,
    service: ServiceArgument,
    url: Url,
    types: Types = None,
    description: Description = None,
    output: Output = Format.TABLE,
) -> None:
    """Have a service's events posted to a URL. Prints the secret, this once."""

    async def work(client: Client) -> Webhook:
        of = await names.service(client, service)
        return await client.webhooks.create(of, url, types=types or (), description=description or "")

    _show_secret(run(context, work), output)


def change(
    context: typer.Context,
    webhook: WebhookArgument,
    url: Annotated[str | None, typer.Option(help="https://…, at a public address.")] = None,
    types: Types = None,
    all_types: Annotated[bool, typer.Option("--all-types", help="Of all events.")] = False,
    description: Description = None,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Enabled again, replay what it missed.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Change where or of what a webhook is told, or enable it again."""
    if types and all_types:
        raise typer.BadParameter("--type and --all-types exclude each other")
    wanted = [] if all_types else types or None
    given = {"url": url, "types": wanted, "description": description, "enabled": enabled}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise typer.BadParameter("say what is to change: --url, --type, --description, --enable or --disable")

    async def work(client: Client) -> Webhook:
        found = await _found(client, webhook)
        return await client.webhooks.change(found.service, found.id, changes)

    show_one(run(context, work), columns.WEBHOOKS, output)


def rotate(
    context: typer.Context,
    webhook: WebhookArgument,
    grace_hours: Annotated[
        float, typer.Option(min=0, max=168, help="For so long the old secret signs too.")
    ] = GRACE_HOURS,
    output: Output = Format.TABLE,
) -> None:
    """Make a new secret. Prints it, this once."""

    async def work(client: Client) -> Webhook:
        found = await _found(client, webhook)
        return await client.webhooks.rotate(found.service, found.id, grace_hours=grace_hours)

    _show_secret(run(context, work), output)


def try_out(context: typer.Context, webhook: WebhookArgument, output: Output = Format.TABLE) -> None:
    """Deliver a test now and say what comes of it; also when the webhook is disabled.

    Exit code 1 when it is not delivered.
    """

    async def work(client: Client) -> Attempt:
        found = await _found(client, webhook)
        return await client.webhooks.test(found.service, found.id)

    tried = run(context, work)
    show_one(tried, columns.ATTEMPTS, output)
    if tried.outcome != "delivered":
        note(f"the test was not delivered: {tried.error or tried.status}")
        raise typer.Exit(Exit.FAILED)


def replay(
    context: typer.Context,
    webhook: WebhookArgument,
    begin: Annotated[
        datetime,
        typer.Option(
            "--since", parser=since, metavar="AGE|TIME", help="From then on: 30m, 2h, 3d or 2026-11-25T03:00."
        ),
    ],
) -> None:
    """Deliver events of connections again, with the ids that they had."""

    async def work(client: Client) -> int:
        found = await _found(client, webhook)
        return await client.webhooks.replay(found.service, found.id, begin)

    count = run(context, work)
    made = "1 delivery is made" if count == 1 else f"{count} deliveries are made"
    note(f"{made}; onenet webhooks deliveries shows what comes of it")


def delete(context: typer.Context, webhook: WebhookArgument, yes: Yes = False) -> None:
    """Delete a webhook, with what waits for it and its log."""
    found = run(context, lambda client: _found(client, webhook))
    if not yes:
        waiting = f", for which {found.waiting} deliveries wait" if found.waiting else ""
        typer.confirm(f"Delete webhook {found.id} to {found.url}{waiting}?", abort=True, err=True)
    run(context, lambda client: client.webhooks.delete(found.service, found.id))
    note(f"webhook {found.id} deleted")


def deliveries(
    context: typer.Context,
    webhook: WebhookArgument,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
    output: Output = Format.TABLE,
) -> None:
    """List what was tried in the last 14 days and what came of it, the newest first."""

    async def work(client: Client) -> Page[Attempt]:
        found = await _found(client, webhook)
        return await client.webhooks.attempts(found.service, found.id).page(limit=limit)

    page = run(context, work)
    show_all(page.items, columns.ATTEMPTS, output)
    if page.next is not None:
        note(f"only the first {len(page.items)}; --limit shows more")


def _show_secret(webhook: Webhook, output: Format) -> None:
    show_one(webhook, (*columns.WEBHOOKS, columns.SECRET), output)
    note(SECRET if webhook.secret is not None else LOST)


async def _every(client: Client, service: str | None = None) -> list[Webhook]:
    """Of one service, or of all of the caller's."""
    if service is not None:
        services = [await names.service(client, service)]
    else:
        services = [one.id for one in await client.services.find().all()]
    return [webhook for one in services async for webhook in client.webhooks.find(one)]


async def _found(client: Client, text: str) -> Webhook:
    """By id, its beginning or URL; the API knows webhooks by their service, so that all of these are read."""
    every = await _every(client)
    exact = [one for one in every if text in (str(one.id), one.url)]
    begun = [one for one in every if str(one.id).startswith(text.lower())]
    return names.only("webhook", text, exact or begun, lists="onenet webhooks list")

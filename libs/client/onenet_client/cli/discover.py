"""Having a fresh look at a provider."""

from __future__ import annotations

from typing import Annotated

import typer

from onenet_client import names
from onenet_client.cli.output import note
from onenet_client.cli.session import run
from onenet_client.client import Client


def discover(
    context: typer.Context,
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Id, its beginning, or name.")],
) -> None:
    """Look for a provider's resources now instead of at the next periodic look."""

    async def work(client: Client) -> None:
        found = await names.provider(client, provider)
        await client.providers.discover(found)
        note(f"looking; see it with: onenet get providers {found}; onenet get resources --provider {found}")

    run(context, work)

"""Making a manifest come true."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from onenet_client import apply as manifests
from onenet_client.changes import Action, Change
from onenet_client.cli.output import Format, Output, dump, note, plain
from onenet_client.cli.session import run
from onenet_client.client import Client
from onenet_client.errors import BadInput
from onenet_client.manifest import ProviderDocument, read


def apply(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            help="YAML, several documents; - for stdin.",
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for resources of a provider in the same file.")
    ] = 60.0,
    output: Output = Format.TABLE,
) -> None:
    """Create or update services, providers and connections from a file.

    Each document has kind (Service, Provider or Connection), name, and the API's fields. Run it as
    often as you like: what is as the file says stays unchanged. Every document is checked before
    the first change.
    """
    documents = read(_text(file))

    async def work(client: Client) -> list[Change]:
        if dry_run:
            planned = await manifests.plan(client, documents)
            for change in planned:
                _report(change, output)
            return planned
        made: list[Change] = []
        async for change in manifests.apply(client, documents, timeout):
            _report(change, output)
            made.append(change)
        return made

    changes = run(context, work)
    if output in (Format.JSON, Format.YAML):
        dump([_shown(change) for change in changes], output)
    if dry_run:
        note("nothing was changed (--dry-run)")


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not text in UTF-8") from error


def _report(change: Change, output: Format) -> None:
    """One line as soon as it is done, so that a failure later on leaves no doubt about it."""
    if output in (Format.JSON, Format.YAML):
        return
    changed = [name for name in sorted(change.fields) if not name.startswith("resource_")]
    fields = f" ({', '.join(changed)})" if change.action is Action.UPDATED else ""
    name = change.document.name
    typer.echo(plain(f"{change.document.kind.lower()}/{name} {change.action}{fields}"))
    if isinstance(change.document, ProviderDocument) and change.id and change.action is Action.CREATED:
        note(f"let OneNet in: give its role the two policies of: onenet get provider {change.id} -o yaml")


def _shown(change: Change) -> dict[str, Any]:
    return {
        "kind": change.document.kind,
        "name": change.document.name,
        "id": str(change.id) if change.id else None,
        "change": str(change.action),
        "fields": {
            name: str(value) if isinstance(value, UUID) else value for name, value in change.fields.items()
        },
    }

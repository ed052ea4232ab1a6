"""Dead letters, for whoever is on call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer

from onenet_client.cli import columns
from onenet_client.cli.consent import Yes
from onenet_client.cli.exits import Exit
from onenet_client.cli.output import Format, Output, dump, note, plain, show_all, stderr, table
from onenet_client.cli.session import run
from onenet_client.cli.times import Since
from onenet_client.client import Client
from onenet_client.errors import NotFound
from onenet_client.models import Bytes, DeadLetter, DeadLetterDetail, Page, ReplayedLetter

T = TypeVar("T")
BATCH = 50
"""Letters that the API replays in one request."""

GUIDE = """Look at, and put back, what OneNet could not process.

A message that no repetition helps is set aside as a dead letter, and kept
for 14 days.

[bold]At 3 a.m.[/bold]

1. onenet admin dead list --since 1h (which CODE, which GROUP, one or many?)
2. onenet admin dead show ID (the reason, and the message itself)
3. Mend the cause; the table below says which.
4. onenet admin dead replay ID, or: replay --code CODE --since 1h

Nothing is lost while you look. Connections are published again by
themselves; the letter may be history by then, and a replay of it changes
nothing.

[bold]What to do, by CODE[/bold]

not_a_cloudevent, wrong_header: a foreign program writes to the topic. Find
it by the key and the headers; take away its right to write. Do not replay.

wrong_source: somebody pretends to be another service. Treat it as an
intrusion until you know who it was. Do not replay.

wrong_schema: sender and receiver are of releases that do not fit. Deploy
the receiver that knows the field named in the reason, then replay.

bad_size: too large, or empty. Mend the sender; a letter that is CUT cannot
be replayed.

Another word with _ : the service refused it, and the reason says why. Mend
that, then replay.

A name such as KeyError: a fault of ours. The log bus.dead_letter of the
GROUP has the traceback. Deploy the correction, then replay.
"""

Topic = Annotated[str | None, typer.Option(help="Where it failed, such as onenet.connections.")]
Code = Annotated[str | None, typer.Option(help="Why it failed, such as wrong_schema.")]
Group = Annotated[str | None, typer.Option(help="The consumer group that gave up.")]


def show_list(
    context: typer.Context,
    topic: Topic = None,
    code: Code = None,
    group: Group = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="All, however many.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """List dead letters, newest first."""

    async def work(client: Client) -> Page[DeadLetter]:
        found = client.dead_letters.find(topic=topic, code=code, group=group, since=since)
        if everything:
            return Page[DeadLetter](items=tuple(await found.all()))
        return await found.page(limit=limit)

    page = _run(context, work)
    show_all(page.items, columns.DEAD_LETTERS, output)
    if page.next is not None:
        note(f"only the first {len(page.items)}; --all shows the rest")


def show(
    context: typer.Context,
    letter: Annotated[str, typer.Argument(metavar="ID", help="As list prints it.")],
    output: Output = Format.TABLE,
) -> None:
    """Show one dead letter: why it failed, its headers, and what it holds."""
    found = _run(context, lambda client: client.dead_letters.get(letter))
    if output in (Format.JSON, Format.YAML):
        dump(found.model_dump(mode="json"), output)
    else:
        _print(found)


def replay(
    context: typer.Context,
    letters: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="As list prints them.")] = None,
    topic: Topic = None,
    code: Code = None,
    group: Group = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="By filter: the newest so many.")] = 100,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show them, and replay nothing.")] = False,
    yes: Yes = False,
    output: Output = Format.TABLE,
) -> None:
    """Put dead letters back on their topics, by id or by filter, oldest first.

    Each is put back once, however often you ask; a filter leaves out those that were. Who has
    handled the event drops it. What fails again is a new letter with one more attempt. After one of
    onenet.inventory run onenet discover PROVIDER: subscribers keep the last word of each key, and
    a replay is the last word.

    Exit code 4: a letter is past its retention; 5: one was too large to be kept whole.
    """
    filters = {"topic": topic, "code": code, "group": group, "since": since}
    if bool(letters) == any(filters.values()):
        raise typer.BadParameter("give ids, or at least one of --topic, --code, --group, --since")
    ids = list(letters or _choose(context, filters, limit))
    if dry_run:
        note(f"would replay {', '.join(ids) or 'nothing'} (--dry-run)")
        return
    if not letters and ids and not yes:
        typer.confirm(f"Replay these {len(ids)}?", abort=True, err=True)
    done = _run(context, lambda client: _replay(client, ids))
    show_all(done, columns.REPLAYS, output)
    _end(done)


def _choose(context: typer.Context, filters: dict[str, Any], limit: int) -> list[str]:
    """The newest that match and were not replayed, oldest first: keys keep their order."""

    async def work(client: Client) -> list[DeadLetter]:
        chosen: list[DeadLetter] = []
        async for letter in client.dead_letters.find(**filters):
            if letter.replayed_at is None and not letter.cut:
                chosen.append(letter)
            if len(chosen) == limit:
                note(f"the newest {limit}; --limit takes more")
                break
        return chosen[::-1]

    chosen = _run(context, work)
    stderr().print(table(chosen, columns.DEAD_LETTERS))
    return [letter.id for letter in chosen]


async def _replay(client: Client, ids: list[str]) -> list[ReplayedLetter]:
    done: list[ReplayedLetter] = []
    for start in range(0, len(ids), BATCH):
        done += (await client.dead_letters.replay(ids[start : start + BATCH])).items
    return done


def _end(done: list[ReplayedLetter]) -> None:
    outcomes = {one.outcome for one in done}
    for outcome, code in (("gone", Exit.NOT_FOUND), ("cut", Exit.CONFLICT)):
        if outcome in outcomes:
            raise typer.Exit(code)


def _run(context: typer.Context, work: Callable[[Client], Awaitable[T]]) -> T:
    """Do the work; say so where it is not the letter that is missing but the right to see any."""

    async def inside(client: Client) -> T:
        try:
            return await work(client)
        except NotFound:
            if not (await client.me()).admin:
                note("only administrators see dead letters; onenet whoami says what you are")
            raise

    return run(context, inside)


def _print(letter: DeadLetterDetail) -> None:
    for title, value in (
        ("Id", letter.id),
        ("Time", columns.when(letter.time)),
        ("Code", letter.code),
        ("Reason", letter.reason),
        ("Group", letter.group),
        ("Source", letter.source),
        ("Attempts", letter.attempts),
        ("Replayed", f"{columns.when(letter.replayed_at)} {letter.replayed_by or ''}".strip() or "no"),
        ("Event", f"{letter.event_type} {letter.event_id}".strip()),
        ("Trace", letter.trace_id),
        ("Key", _text(letter.key)),
    ):
        typer.echo(plain(f"{title + ':':<10} {value}"))
    typer.echo("\nHeaders")
    for header in letter.headers:
        typer.echo(plain(f"  {header.name}: {_text(header.value)}"))
    typer.echo(plain(f"\nValue\n{_text(letter.value)}"))


def _text(value: Bytes | None) -> str:
    """What cannot be read is named as such, and shown in the alphabet that cannot steer a terminal."""
    if value is None:
        return "(none)"
    text = value.data if value.encoding == "utf-8" else f"(binary, {value.encoding}) {value.data}"
    return f"{text} (the beginning of {value.size} bytes)" if value.cut else text

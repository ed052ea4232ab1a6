"""OneNet with all that it needs, on this machine, without containers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from onenet_common.errors import Permanent
from onenet_common.settings import load as load_settings
from onenet_local.claim import AlreadyRunning, holder, read_state
from onenet_local.settings import LocalSettings

if TYPE_CHECKING:
    from onenet_local.parts import Choice

FAILED = 1
NOT_RUNNING = 3
RUNS_ALREADY = 4
DOWN_TIMEOUT = 60.0

app = typer.Typer(
    name="onenet-local",
    help=__doc__,
    epilog="Exit codes: 1 failed, 2 wrong settings or usage, 3 no stack runs, 4 one runs already.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def up(
    parts: Annotated[
        list[str] | None, typer.Argument(help="Only these, such as postgres broker; all by default.")
    ] = None,
) -> None:
    """Start everything and keep it running until Ctrl-C."""
    settings = _settings()
    try:
        choice = _choice(parts, settings)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        asyncio.run(_up(settings, choice))
    except AlreadyRunning as running:
        _tell(str(running))
        _show(running.state)
        raise typer.Exit(RUNS_ALREADY) from None
    except (Permanent, OSError) as error:
        _fail(f"OneNet did not start: {error}")


@app.command()
def demo(
    api: Annotated[str | None, typer.Option(help="The API of a stack that runs already.")] = None,
    cloud: Annotated[str | None, typer.Option(help="The local cloud of that stack.")] = None,
    kafka: Annotated[str | None, typer.Option(help="host:port of that stack's broker.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the connection there, to look at.")] = False,
) -> None:
    """Play the whole story, step by step: with a stack of its own, or with the one that is named."""
    from onenet_local.demo.narration import Narrator

    if api is not None and cloud is not None and kafka is not None:
        from onenet_local.demo.visit import visit

        raise typer.Exit(visit(api, cloud, kafka, Narrator(), keep=keep))
    if keep or (api, cloud, kafka) != (None, None, None):
        raise typer.BadParameter("--api, --cloud and --kafka belong together, and --keep to them")
    from onenet_local.demo.play import play

    raise typer.Exit(play(_settings(), Narrator()))


@app.command()
def down(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless it fails.")] = False,
) -> None:
    """Stop the stack that runs in the data folder, and wait until it is gone."""
    folder = _settings().local_data
    pid = holder(folder)
    if pid is None:
        if not quiet:
            _tell(f"no stack runs in {folder}")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_TIMEOUT
    while holder(folder) == pid:
        if time.monotonic() > deadline:
            _fail(f"process {pid} still runs after {DOWN_TIMEOUT:g} s")
        time.sleep(0.1)
    if not quiet:
        _tell("stopped")


@app.command()
def status() -> None:
    """Say whether a stack runs, where, and as which processes."""
    folder = _settings().local_data
    pid = holder(folder)
    if pid is None:
        _tell(f"no stack runs in {folder}")
        raise typer.Exit(NOT_RUNNING)
    _tell(f"a stack runs in {folder} (process {pid})")
    _show(read_state(folder))


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="A process, such as api or postgres; status lists them.")],
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Print the end of a process's log."""
    folder = _settings().local_data / "logs"
    known = {path.stem: path for path in sorted(folder.glob("*.log"))}
    if name not in known:
        _fail(f"no log of {name!r}; there are: {', '.join(known) or 'none, in ' + str(folder)}")
    with known[name].open(errors="replace") as log:
        sys.stdout.writelines(deque(log, lines))
        while follow:
            sys.stdout.writelines(log)
            sys.stdout.flush()
            time.sleep(0.2)


@app.command()
def traffic(
    written_as: Annotated[
        str, typer.Option("--format", "-f", help="aws, aws-2, azure, gcp or pmacct.", metavar="FORMAT")
    ] = "aws",
    rate: Annotated[int, typer.Option(min=1, max=1_000_000, help="Observations a second.")] = 100,
    seed: Annotated[int, typer.Option(help="Another seed is another traffic.")] = 1,
    seconds: Annotated[float | None, typer.Option(min=1, help="How long; by default until Ctrl-C.")] = None,
    networks: Annotated[
        Path | None, typer.Option(help="A JSON file of networks and links; by default the stack's own.")
    ] = None,
) -> None:
    """Send made-up flow logs of the stack's networks to it, with something wrong in them here and there."""
    from onenet_local.traffic.command import run
    from onenet_local.traffic.encoders import FORMATS

    if written_as not in FORMATS:
        raise typer.BadParameter(f"{written_as!r} is none of {', '.join(FORMATS)}")
    folder = _settings().local_data
    kafka = read_state(folder).get("addresses", {}).get("kafka")
    if kafka is None:
        _tell(f"no stack runs in {folder}")
        raise typer.Exit(NOT_RUNNING)
    try:
        sent = run(kafka, written_as=written_as, rate=rate, seed=seed, seconds=seconds, networks=networks)
    except ValueError as error:
        _fail(str(error))
    _tell(f"sent {sent} observations")


@app.command()
def clean() -> None:
    """Delete the data folder, logs and databases included."""
    from onenet_local.unprivileged import forget

    folder = _settings().local_data
    if (pid := holder(folder)) is not None:
        _tell(f"a stack runs in {folder} (process {pid}); stop it first: onenet-local down")
        raise typer.Exit(RUNS_ALREADY)
    for path in forget(folder):
        _tell(f"deleted {path}")


def _choice(parts: list[str] | None, settings: LocalSettings) -> Choice:
    """What to run, quick to look at."""
    from onenet_local.parts import Choice, to_look_at
    from onenet_local.promptness import prompt

    return Choice(only=parts or to_look_at(settings), environment=prompt(os.environ))


async def _up(settings: LocalSettings, choice: Choice) -> None:
    from onenet_local.issuer.accounts import load
    from onenet_local.stack import Stack
    from onenet_local.welcome import welcome

    began = time.monotonic()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    accounts = load(settings.local_accounts)
    stack = Stack(settings.local_data, settings, choice=choice, report=_tell)
    starting = asyncio.create_task(stack.start())
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
        return
    starting.result()
    typer.echo(welcome(stack, accounts, time.monotonic() - began))
    await stopped
    _tell("stopping")
    await stack.stop()


def _settings() -> LocalSettings:
    """The environment's settings; it may hold the services' own as well, which they check."""
    return load_settings(LocalSettings, "LOCAL")


def _show(state: dict[str, Any]) -> None:
    if not state:
        typer.echo("  it is starting or stopping")
    processes = state.get("processes", {})
    for name, address in state.get("addresses", {}).items():
        if name in ("cloud", "issuer", "api") and name in processes:
            typer.echo(f"  {name:12} {address}")
    for name, process in processes.items():
        running = f"process {process['pid']}" if process["pid"] else "not running"
        typer.echo(f"  {name:12} {running:16} {process['log']}")


def _tell(sentence: str) -> None:
    typer.echo(sentence, err=True)


def _fail(sentence: str) -> NoReturn:
    _tell(sentence)
    raise typer.Exit(FAILED)


def main() -> None:
    app()


if __name__ == "__main__":
    main()

"""The ``onenet`` command: every command with its place in the help, and the one way out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any

import typer

from onenet_client.cli import (
    account,
    apply,
    change,
    connect,
    consent,
    dead,
    deps,
    discover,
    events,
    findings,
    get,
    health,
    history,
    mail,
    remove,
    shell,
    traffic,
    watch,
    webhooks,
)
from onenet_client.cli.exits import HELP, Exit, code_of, explain
from onenet_client.cli.session import Session
from onenet_client.errors import ClientError
from onenet_client.settings import load

INTRODUCTION = f"""Say which networks must talk; OneNet connects them.

[bold]Start here[/bold]

1. onenet login --url https://onenet.example.com
2. onenet apply -f mine.yaml (your service and its provider)
3. onenet connect myservice theirservice
4. onenet approve ID (an owner of the other side)
5. onenet watch ID

{HELP}
"""

START, CHANGE, LOOK, TOLD = "Start here", "Change", "Look", "Be told"
OPERATE, OWN = "Operate", "This command"

COMMANDS: tuple[tuple[str, Callable[..., Any], tuple[str, ...]], ...] = (
    (START, account.login, ("onenet login --url https://onenet.example.com",)),
    (START, apply.apply, ("onenet apply -f mine.yaml", "onenet apply -f - --dry-run < mine.yaml")),
    (START, connect.connect, ("onenet connect orders billing --filter tcp:443:left_to_right --wait",
                              "onenet connect vpc-1a1a1a1a billing/vpc-2b2b2b2b --dry-run")),
    (START, consent.approve, ("onenet approve 3f2a",)),
    (START, watch.watch, ("onenet watch 3f2a", "onenet watch 3f2a --until DELETED --timeout 120")),
    (CHANGE, consent.refuse, ("onenet refuse 3f2a --reason 'not before the audit'",)),
    (CHANGE, change.change, ("onenet change 3f2a --filter tcp:443 --filter tcp:5432",
                             "onenet change 3f2a --monthly-gb 500 --unset latency")),
    (CHANGE, consent.retry, ("onenet retry 3f2a", "onenet retry 3f2a --build")),
    (CHANGE, discover.discover, ("onenet discover orders-aws",)),
    (CHANGE, remove.delete, ("onenet delete connection 3f2a --wait", "onenet delete service orders --yes")),
    (LOOK, get.get, ("onenet get connections --state ESTABLISHED -o wide",
                     "onenet get directory billing", "onenet get provider orders-aws -o yaml")),
    (LOOK, health.describe, ("onenet describe 3f2a",)),
    (LOOK, health.health, ("onenet health 3f2a", "onenet health 3f2a -o json")),
    (LOOK, history.timeline, ("onenet timeline 3f2a -o json",)),
    (LOOK, traffic.traffic, ("onenet traffic 3f2a", "onenet traffic 3f2a --step minute --since 2h")),
    (LOOK, traffic.top, ("onenet top", "onenet top --minutes 60 --once")),
    (LOOK, deps.deps, ("onenet deps", "onenet deps orders -o mermaid", "onenet deps -o dot | dot -Tsvg")),
    (LOOK, history.audit, ("onenet audit --all",)),
    (LOOK, events.events, ("onenet events -f", "onenet events --since 2h --type connection.failed -o json")),
    (OWN, account.whoami, ("onenet whoami",)),
    (OWN, account.logout, ("onenet logout",)),
    (OWN, account.profiles, ("onenet --profile other whoami", "onenet profiles")),
    (OWN, shell.completion, ("onenet completion bash > ~/.local/share/bash-completion/completions/onenet",)),
    (OWN, shell.version, ("onenet version",)),
)  # fmt: skip

FINDINGS = (
    ("list", findings.show_list, ("onenet findings list", "onenet findings list --kind cleartext -o wide")),
    ("show", findings.show, ("onenet findings show 9b1c",)),
    ("ack", findings.acknowledge, ("onenet findings ack 9b1c --note 'we are on it'",)),
    ("mute", findings.mute, ("onenet findings mute 9b1c --for 30d --note 'gone next month'",)),
    ("reopen", findings.reopen, ("onenet findings reopen 9b1c",)),
)

WEBHOOKS = (
    ("list", webhooks.show_list, ("onenet webhooks list", "onenet webhooks list --service orders -o wide")),
    ("show", webhooks.show, ("onenet webhooks show 7c2d",)),
    ("create", webhooks.create, ("onenet webhooks create orders https://example.com/onenet",
                                 "onenet webhooks create orders https://example.com --type finding.opened")),
    ("change", webhooks.change, ("onenet webhooks change 7c2d --enable",
                                 "onenet webhooks change 7c2d --type connection.failed")),
    ("rotate", webhooks.rotate, ("onenet webhooks rotate 7c2d --grace-hours 48",)),
    ("test", webhooks.try_out, ("onenet webhooks test 7c2d",)),
    ("replay", webhooks.replay, ("onenet webhooks replay 7c2d --since 2h",)),
    ("deliveries", webhooks.deliveries, ("onenet webhooks deliveries 7c2d --limit 200 -o wide",)),
    ("delete", webhooks.delete, ("onenet webhooks delete 7c2d --yes",)),
)  # fmt: skip

MAIL = (
    ("show", mail.show, ("onenet mail show -o json",)),
    ("choose", mail.choose, ("onenet mail choose daily",
                             "onenet mail choose immediately --service orders --type connection.failed")),
)  # fmt: skip

DEAD = (
    ("list", dead.show_list, ("onenet admin dead list --since 1h",
                              "onenet admin dead list --topic onenet.health --code bad_size -o json")),
    ("show", dead.show, ("onenet admin dead show onenet.health:3:17",)),
    ("replay", dead.replay, ("onenet admin dead replay onenet.health:3:17",
                             "onenet admin dead replay --code wrong_schema --since 2h --dry-run")),
)  # fmt: skip


def start(
    context: typer.Context,
    profile: Annotated[
        str | None, typer.Option(help="Which sign-in to use; ONENET_CLIENT_PROFILE otherwise.")
    ] = None,
) -> None:
    settings = load()
    context.obj = Session(settings, profile or settings.profile)


def build() -> typer.Typer:
    app = typer.Typer(
        name=shell.PROGRAM,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help=INTRODUCTION)(start)
    for panel, command, examples in COMMANDS:
        app.command(rich_help_panel=panel, epilog=_shown(examples))(command)
    app.add_typer(
        _group("findings", findings.GUIDE, FINDINGS), rich_help_panel=LOOK, short_help=findings.SHORT
    )
    told = (("webhooks", webhooks.GUIDE, WEBHOOKS, webhooks.SHORT), ("mail", mail.GUIDE, MAIL, mail.SHORT))
    for name, guide, commands, short in told:
        app.add_typer(_group(name, guide, commands), rich_help_panel=TOLD, short_help=short)
    app.add_typer(_admin(), rich_help_panel=OPERATE)
    return app


def _admin() -> typer.Typer:
    letters = _group("dead", dead.GUIDE, DEAD)
    admin = typer.Typer(
        name="admin", no_args_is_help=True, help="Look after OneNet itself: administrators only."
    )
    admin.add_typer(letters, short_help="What could not be processed: list, show, replay.")
    return admin


def _group(
    name: str, guide: str, commands: Sequence[tuple[str, Callable[..., Any], tuple[str, ...]]]
) -> typer.Typer:
    group = typer.Typer(name=name, no_args_is_help=True, rich_markup_mode="rich", help=guide)
    for called, command, examples in commands:
        group.command(called, epilog=_shown(examples))(command)
    return group


def _shown(examples: Sequence[str]) -> str:
    return "\n\n".join(["Examples:", *(f"  {example}" for example in examples)])


@cache
def _command() -> Callable[..., Any]:
    """The whole tree of commands, which takes a while to make."""
    return typer.main.get_command(build())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    try:
        _command()(args=arguments, prog_name=shell.PROGRAM)
    except ClientError as error:
        explain(error)
        sys.exit(code_of(error))
    except OSError as error:
        typer.echo(f"onenet: {error}", err=True)
        sys.exit(Exit.FAILED)

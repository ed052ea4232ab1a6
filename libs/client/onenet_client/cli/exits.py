"""Exit codes, and what is said on stderr before the command ends with one."""

from __future__ import annotations

from enum import IntEnum

import typer

from onenet_client import errors
from onenet_client.cli.output import plain


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    INVALID = 2
    NOT_PERMITTED = 3
    NOT_FOUND = 4
    CONFLICT = 5
    UNREACHABLE = 6


CODES: dict[type, Exit] = {
    errors.ClientError: Exit.FAILED,
    errors.BadInput: Exit.INVALID,
    errors.Ambiguous: Exit.INVALID,
    errors.Invalid: Exit.INVALID,
    errors.NotSignedIn: Exit.NOT_PERMITTED,
    errors.Unauthorised: Exit.NOT_PERMITTED,
    errors.Forbidden: Exit.NOT_PERMITTED,
    errors.NoMatch: Exit.NOT_FOUND,
    errors.NotFound: Exit.NOT_FOUND,
    errors.Conflict: Exit.CONFLICT,
    errors.Differs: Exit.CONFLICT,
    errors.Unreachable: Exit.UNREACHABLE,
    errors.TimedOut: Exit.UNREACHABLE,
    errors.Throttled: Exit.UNREACHABLE,
    errors.Unavailable: Exit.UNREACHABLE,
}

HELP = (
    "Exit codes: 0 done; 1 failed, such as a connection that ended REJECTED or FAILED; 2 wrong usage or "
    "input; 3 not signed in or not permitted; 4 not found; 5 conflict; 6 unreachable or out of time."
)


def code_of(error: errors.ClientError) -> Exit:
    """The code of the nearest kind of error that has one."""
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


def explain(error: errors.ClientError) -> None:
    """Say on stderr what happened, which values are concerned, and what to do."""
    values = [_named(wrong) for wrong in error.errors]
    # The API's sentence on a single value is what stands there anyway, without the value.
    alone = len(values) == 1 and error.reason == f"{error.errors[0].field}: {error.errors[0].message}"
    lines = (
        [f"onenet: {values[0]}"] if alone else [f"onenet: {error.reason}", *(f"  {one}" for one in values)]
    )
    if isinstance(error, errors.Ambiguous):
        lines += [f"  {candidate}" for candidate in error.candidates]
    if isinstance(error, errors.NotSignedIn | errors.Unauthorised):
        lines.append("  sign in with: onenet login")
    if isinstance(error, errors.Unreachable):
        lines.append("  another address is given with: onenet login --url URL")
    if isinstance(error, errors.Faulty) and error.details.trace_id:
        lines.append(f"  trace id {error.details.trace_id}")
    for line in lines:
        typer.echo(plain(line), err=True)


def _named(wrong: errors.FieldError) -> str:
    value = f" {wrong.value}" if wrong.value else ""
    return f"{wrong.field}{value}: {wrong.message}"

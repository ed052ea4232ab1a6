"""``python -m tests.fuzz``: make up requests to the real stack, as everybody who may come."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from onenet_client.client import Client
from onenet_client.login import with_hint, with_secret
from onenet_local.stack import Stack
from onenet_local.unprivileged import temporary_folder
from tests.brokers import local_settings
from tests.e2e.estate import estate
from tests.fuzz import campaign

PEOPLE = {"owner": "alice", "other owner": "bob", "administrator": "nina"}
MACHINE = ("pipeline", "local-pipeline-secret")
ROLES = (*PEOPLE, "machine", "nobody")
INTERRUPTED = 130
ALL_CHECKS = ("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure")
EXAMPLES = 100
"""Most examples for one operation in one run."""
OPERATIONS = 40
"""About how many there are, for making no more cases than were asked for by far."""


async def token_of(stack: Stack, role: str) -> str | None:
    """A fresh access token from the stack's own issuer; None for nobody."""
    if role == "nobody":
        return None
    async with Client(stack.addresses.api) as client:
        where = await client.sign_in()
    grant = await (with_secret(where, *MACHINE) if role == "machine" else with_hint(where, PEOPLE[role]))
    return grant.access_token


async def fuzz(stack: Stack, role: str, *, cases: int, seed: int) -> bool:
    """Make up at least so many cases as one role; stops at a run that finds something."""
    made = 0
    while made < cases:
        examples = min(EXAMPLES, max(1, (cases - made) // OPERATIONS))
        arguments = (*ALL_CHECKS, "--max-examples", str(examples))
        found = await campaign.run(
            stack.addresses.api, await token_of(stack, role), seed=seed, arguments=arguments
        )
        made += found.cases
        verdict = "passed" if found.passed else "FAILED"
        tell(f"{role}: seed {seed}, {examples} examples, {found.cases} cases, {verdict}")
        if not found.passed or not found.cases:
            tell(found.output)
            return False
        seed += 1
    return True


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@asynccontextmanager
async def populated() -> AsyncIterator[Stack]:
    """A stack in which two owners have networks, and one has connected two of hers."""
    async with AsyncExitStack() as ours:
        folder = ours.enter_context(temporary_folder())
        stack = await ours.enter_async_context(Stack(folder, local_settings()))
        for person in ("alice", "bob"):
            made = await ours.enter_async_context(estate(stack, networks=2, user=person, kept=True))
            await made.onenet.connections.create(*made.pairs[0])
        yield stack


async def campaigns(roles: list[str], *, cases: int, seed: int) -> bool:
    """One campaign for each role, sharing the cases; all run, whatever they find."""
    share = -(-cases // len(roles))
    if (running := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    async with populated() as stack:
        return all([await fuzz(stack, role, cases=share, seed=seed) for role in roles])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="at least so many, shared by the roles")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each further one adds 1")
    parser.add_argument("--role", action="append", choices=ROLES, help="only this one; may be repeated")
    given = parser.parse_args()
    try:
        passed = asyncio.run(campaigns(given.role or list(ROLES), cases=given.cases, seed=given.seed))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(INTERRUPTED)
    sys.exit(0 if passed else 1)


main()

"""Load from a process of its own, so that measuring does not share the measured one's time.

``python -m bench.load ORDER OUTCOME`` sends what the file ORDER asks for, and writes OUTCOME.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop
from pydantic import BaseModel

from bench.client import HttpConnection, connected, request
from onenet_local.processes import Command, run

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 600.0
"""Seconds after which a load counts as hanging."""


class Order(BaseModel):
    """What to send.

    Args:
        url: the server's root.
        token: the access token of every request.
        path: where each body is posted.
        bodies: JSON texts, one for each request; an empty one sends no body.
        connections: how many requests are under way at once, each on a connection of its own.
    """

    url: str
    token: str
    path: str
    bodies: list[str]
    connections: int


class Outcome(BaseModel):
    """How it went.

    Args:
        began, ended: seconds since the epoch, of the first request and the last answer.
        statuses: answers by HTTP status.
    """

    began: float
    ended: float
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return sum(self.statuses.values()) / (self.ended - self.began)


async def fire(order: Order, folder: Path) -> Outcome:
    """Send everything, from a process of its own.

    Args:
        folder: for the order, the outcome and the process's log.

    Raises:
        StartFailed: when the process fails.
    """
    given, written = folder / "order.json", folder / "outcome.json"
    given.write_text(order.model_dump_json())
    command = Command(
        name="load",
        command=(sys.executable, "-m", "bench.load", str(given), str(written)),
        environment={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)},
        log=folder / "logs" / "load.log",
    )
    await run(command, timeout=LONGEST)
    return Outcome.model_validate_json(written.read_bytes())


async def send_all(order: Order) -> Outcome:
    """Send everything from here, over connections that are open before the first request."""
    async with AsyncExitStack() as opened:
        connections = [
            await opened.enter_async_context(connected(order.url)) for _ in range(order.connections)
        ]
        wires = iter([request("POST", order.path, order.token, body=body) for body in order.bodies])
        statuses: Counter[int] = Counter()
        began = time.time()
        async with asyncio.TaskGroup() as group:
            for connection in connections:
                group.create_task(_send(connection, wires, statuses))
        return Outcome(began=began, ended=time.time(), statuses=dict(statuses))


async def _send(connection: HttpConnection, wires: Iterator[bytes], statuses: Counter[int]) -> None:
    for wire in wires:
        statuses[(await connection.send(wire)).status] += 1


def main() -> None:
    given, written = (Path(name) for name in sys.argv[1:])
    outcome = uvloop.run(send_all(Order.model_validate_json(given.read_bytes())))
    written.write_text(outcome.model_dump_json())


if __name__ == "__main__":
    main()

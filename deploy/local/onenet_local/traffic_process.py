"""Made-up traffic as a child process."""

from __future__ import annotations

import sys
from pathlib import Path

from onenet_local.probes import HOST, answers, free_port
from onenet_local.processes import Process, Program
from onenet_local.services import Addresses


class TrafficProcess(Process):
    """Sends flow logs of the stack's networks to its broker, or to its cloud's bucket where there is one.

    Args:
        folder: where its log goes (``logs/traffic.log``).
        where: the stack.
        rate: observations a second.
    """

    def __init__(self, folder: Path, where: Addresses, rate: int) -> None:
        port = free_port()
        super().__init__(
            Program(
                name="traffic",
                command=(sys.executable, "-m", "onenet_local.traffic"),
                environment={
                    "PATH": "/usr/bin:/bin",
                    "LANG": "C.UTF-8",
                    "ONENET_KAFKA": where.kafka,
                    "ONENET_OPS_HOST": HOST,
                    "ONENET_OPS_PORT": str(port),
                    "ONENET_LOCAL_TRAFFIC": str(rate),
                    **({"ONENET_LOCAL_TRAFFIC_CLOUD": where.cloud} if where.flow_logs else {}),
                },
                log=folder / "logs" / "traffic.log",
                ready=answers(port, "/readyz"),
            )
        )

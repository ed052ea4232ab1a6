"""The local cloud as a child process."""

from __future__ import annotations

import sys
from pathlib import Path

from onenet_local.probes import HOST, answers, free_port
from onenet_local.processes import Process, Program


class CloudProcess(Process):
    """A simulated AWS on the loopback interface; it forgets everything when it ends.

    Args:
        folder: where its log goes (``logs/cloud.log``).
        port: where it listens, also after a restart; a free one by default.
        flow_logs: name and region of a bucket for flow logs, and of the queue that tells of its files;
            none are made by default.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, flow_logs: tuple[str, str] | None = None
    ) -> None:
        self.port = port or free_port()
        super().__init__(
            Program(
                name="cloud",
                command=(
                    *(sys.executable, "-m", "onenet_local.cloud"),
                    *("--host", HOST, "--port", str(self.port)),
                    *(("--flow-logs", *flow_logs) if flow_logs else ()),
                ),
                environment={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                log=folder / "logs" / "cloud.log",
                ready=answers(self.port, "/onenet/healthz"),
            )
        )

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

"""The issuer as a child process."""

from __future__ import annotations

import sys
from pathlib import Path

from onenet_local.issuer.accounts import DEFAULT
from onenet_local.probes import HOST, answers, free_port
from onenet_local.processes import Process, Program


class Issuer(Process):
    """An issuer on the loopback interface; a restart makes a new signing key.

    Args:
        folder: where its log goes (``logs/issuer.log``).
        port: where it listens, also after a restart; a free one by default.
        accounts: who can sign in, as ``accounts.yaml`` here.
    """

    def __init__(self, folder: Path, *, port: int | None = None, accounts: Path = DEFAULT) -> None:
        self.port = port or free_port()
        super().__init__(
            Program(
                name="issuer",
                command=(
                    *(sys.executable, "-m", "onenet_local.issuer"),
                    *("--port", str(self.port), "--accounts", str(accounts.absolute())),
                ),
                environment={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                log=folder / "logs" / "issuer.log",
                ready=answers(self.port, "/jwks"),
            )
        )

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

"""A running local cloud in the hands of a test, a bench or the demo."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from onenet_local.cloud.keys import owner_key

HUB_ACCOUNT = "999999999999"
"""OneNet's own account, whose users other accounts trust."""

START_SECONDS = 20


class LocalCloud:
    """The control endpoints of a local cloud, as calls.

    Args:
        url: where it listens; also the endpoint_url for AWS clients.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=f"{url}/onenet/", timeout=10)

    def owner(self, account: str) -> dict[str, str]:
        """Client arguments with which the owner of ``account`` signs."""
        return {
            "endpoint_url": self.url,
            "aws_access_key_id": owner_key(account),
            "aws_secret_access_key": "not-checked",
        }

    def arm(self, *faults: Mapping[str, Any], seed: int = 0) -> None:
        """Put faults in force; the fields are those of ``faults.Fault``."""
        self._ask("POST", "faults", {"faults": faults, "seed": seed})

    def disarm(self) -> None:
        self._ask("DELETE", "faults")

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force with ``matched`` and ``struck`` calls of each."""
        found: list[dict[str, Any]] = self._ask("GET", "faults")["faults"]
        return found

    def calls(self, **wanted: str) -> int:
        """How many calls were made of this service, operation, account and region."""
        return int(self._ask("GET", "calls", params=wanted)["total"])

    def log(self, **wanted: str) -> list[dict[str, Any]]:
        """The last calls in order, with time and outcome."""
        found: list[dict[str, Any]] = self._ask("GET", "calls", params={**wanted, "log": "1"})["log"]
        return found

    def forget_calls(self) -> None:
        self._ask("DELETE", "calls")

    def limit(self, **numbers: float) -> None:
        """Change rules; the names are those of ``rules.Rules``."""
        self._ask("POST", "limits", numbers)

    def restore_limits(self) -> None:
        """Go back to the rules of the command line."""
        self._ask("DELETE", "limits")

    def expire_credentials(self) -> None:
        """Expire every temporary credential given out until now."""
        self._ask("POST", "expire-credentials")

    def reset(self) -> None:
        """Empty every account."""
        self._ask("POST", "reset")

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, what: str, body: Any = None, params: Mapping[str, str] | None = None) -> Any:
        answer = self._http.request(method, what, json=body, params=params)
        if answer.is_error:
            raise ValueError(f"{method} {what}: {answer.text}")
        return answer.json()


@contextmanager
def running(*arguments: str) -> Iterator[LocalCloud]:
    """Start a local cloud on a free port in a process of its own, and end it afterwards.

    Args:
        arguments: more of the command line, such as ``--settle 0.2``.
    """
    command = [sys.executable, "-m", "onenet_local.cloud", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            cloud = LocalCloud(_url(process))
            yield cloud
            cloud.close()
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def _url(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError(f"the local cloud did not start: exit {process.wait(timeout=START_SECONDS)}")
    return str(json.loads(line)["url"])

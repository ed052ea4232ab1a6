"""What was called, by whom and how often."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from threading import Lock
from urllib.parse import parse_qsl

from werkzeug.wrappers import Request

LOG_LENGTH = 20_000
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Call:
    """One API call; ``service`` is the signing name, such as ``ec2`` or ``servicequotas``."""

    service: str
    operation: str
    account: str
    region: str


@dataclass(slots=True)
class Logged:
    """One call as it went; times are seconds since the epoch.

    Args:
        key: the access key that signed it, which tells two processes of one role apart.
        arguments: as they came on the wire; empty for services that do not speak in forms.
        until: when its answer was ready; None while it is under way.
    """

    call: Call
    outcome: str
    key: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    at: float = field(default_factory=time.time)
    until: float | None = None

    def as_json(self) -> dict[str, object]:
        told = asdict(self)
        return {**told.pop("call"), **told}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a request is headed and with whose key, from its SigV4 signature."""

    access_key: str
    region: str
    service: str


def scope_of(request: Request) -> Scope | None:
    """Read the credential scope from the header or, when presigned, from the address."""
    signature = request.headers.get("Authorization") or f"Credential={request.args.get('X-Amz-Credential')}"
    found = _SCOPE.search(signature)
    return Scope(found.group(1), found.group(2), found.group(3).lower()) if found else None


def operation_of(request: Request, body: bytes) -> str:
    """The operation's name; for REST services, which have none on the wire, method and path."""
    if found := _ACTION.search(body):
        return found.group(1).decode()
    if target := request.headers.get("X-Amz-Target"):
        return target.rpartition(".")[2]
    return str(request.args.get("Action") or f"{request.method} {request.path}")


def arguments_of(body: bytes) -> dict[str, str]:
    """The parameters of a call in the query protocol, without its operation's name and version."""
    if not _ACTION.search(body):
        return {}
    given = dict(parse_qsl(body.decode(errors="replace")))
    return {name: value for name, value in given.items() if name not in ("Action", "Version")}


class CallLog:
    """Counts of all calls and a log of the last ones."""

    def __init__(self) -> None:
        self._counts: Counter[Call] = Counter()
        self._log: deque[Logged] = deque(maxlen=LOG_LENGTH)
        self._lock = Lock()

    def record(self, logged: Logged) -> None:
        """Count a call. Its outcome is ``answered``, ``refused`` or the kind of a fault."""
        with self._lock:
            self._counts[logged.call] += 1
            self._log.append(logged)

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()
            self._log.clear()

    def counts(self, **wanted: str) -> list[dict[str, object]]:
        """Counts of the calls whose fields are as ``wanted``."""
        with self._lock:
            counted = list(self._counts.items())
        return [{**asdict(call), "count": count} for call, count in counted if _is(call, wanted)]

    def log(self, **wanted: str) -> list[dict[str, object]]:
        """The last calls in order, oldest first, at most ``LOG_LENGTH`` of them."""
        with self._lock:
            logged = list(self._log)
        return [one.as_json() for one in logged if _is(one.call, wanted)]


def _is(call: Call, wanted: dict[str, str]) -> bool:
    return all(getattr(call, name) == value for name, value in wanted.items())

"""Everything that one local cloud remembers beside moto's own resources."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import RLock

from moto.core.base_backend import BackendDict

from onenet_local.cloud.calls import CallLog
from onenet_local.cloud.credentials import Credentials
from onenet_local.cloud.faults import Faults
from onenet_local.cloud.rules import Rules


@dataclass
class Cloud:
    """One local cloud.

    Args:
        started_with: the rules of the command line, to which a test can go back.
        lock: held while a call reads or changes resources: moto checks and then acts without
            any lock of its own, and Python runs one thread at a time anyway.
    """

    started_with: Rules = field(default_factory=Rules)
    credentials: Credentials = field(default_factory=Credentials)
    faults: Faults = field(default_factory=Faults)
    calls: CallLog = field(default_factory=CallLog)
    lock: RLock = field(default_factory=RLock)
    rules: Rules = field(init=False)

    def __post_init__(self) -> None:
        self.rules = self.started_with

    def reset(self) -> None:
        """Empty every account: resources, roles, sessions, faults and counts."""
        with self.lock:
            BackendDict.reset()
            self.credentials.forget_all()
            self.faults.clear()
            self.calls.clear()

"""One stack per folder: who holds it, and what it says about itself.

The kernel releases the lock when its holder dies, however it dies, so that nothing stale is left
to be judged.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from onenet_common.errors import Permanent

LOCK = "stack.lock"
STATE = "stack.json"


class AlreadyRunning(Permanent):
    """Another stack holds the folder; ``state`` is what it says about itself."""

    default_code = "already_running"

    def __init__(self, folder: Path, pid: int, state: dict[str, Any]) -> None:
        super().__init__(f"a stack runs already in {folder} (process {pid})")
        self.pid = pid
        self.state = state


class Claim:
    """The right to run a stack in a folder; as a context manager, until its end.

    Args:
        folder: it must exist before ``take``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = -1

    def take(self) -> None:
        """Have the folder until ``release``, or until our process ends.

        Raises:
            AlreadyRunning: when somebody else has it.
        """
        file = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise AlreadyRunning(self._folder, holder(self._folder) or 0, read_state(self._folder)) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file
        (self._folder / STATE).unlink(missing_ok=True)

    def release(self) -> None:
        (self._folder / STATE).unlink(missing_ok=True)
        os.close(self._file)

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def write_state(self, state: dict[str, Any]) -> None:
        """Say what runs; for our own user only, since it may hold secrets."""
        aside = self._folder / f"{STATE}.new"
        aside.unlink(missing_ok=True)
        file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "w") as stream:  # noqa: PTH123  # pathlib opens no descriptors
            json.dump(state, stream, indent=2)
        aside.replace(self._folder / STATE)


def holder(folder: Path) -> int | None:
    """The process that runs a stack in this folder, if any."""
    try:
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(file, 32, 0) or b"0")
    else:
        return None
    finally:
        os.close(file)


def read_state(folder: Path) -> dict[str, Any]:
    """What the running stack says about itself; empty before it is ready or when none runs."""
    try:
        state: dict[str, Any] = json.loads((folder / STATE).read_text())
    except FileNotFoundError:
        return {}
    return state

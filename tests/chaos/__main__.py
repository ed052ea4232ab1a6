"""``python -m tests.chaos``: a storm on the whole stack, and a report of what it did."""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import shutil
import sys
from pathlib import Path

from onenet_local.settings import LocalSettings
from onenet_local.unprivileged import temporary_folder
from tests.chaos.report import as_json, markdown
from tests.chaos.run import Plan, run

WRONG = 1


def main() -> None:
    given = _arguments().parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(1_000_000)
    plan = Plan(seed, given.connections, seconds=given.minutes * 60, every=given.every)
    sys.stderr.write(f"chaos: SEED={seed} CONNECTIONS={given.connections} MINUTES={given.minutes:g}\n")
    with temporary_folder() as folder:
        try:
            outcome = asyncio.run(run(plan, folder, LocalSettings()))
        finally:
            if given.logs:
                shutil.copytree(folder / "logs", given.logs, dirs_exist_ok=True)
    text = markdown(outcome)
    given.report.with_suffix(".md").write_text(text)
    given.report.with_suffix(".json").write_text(json.dumps(as_json(outcome), indent=2) + "\n")
    sys.stdout.write(text)
    sys.exit(WRONG if outcome.findings else 0)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="repeats a run; drawn and printed by default")
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long processes are hit")
    parser.add_argument("--every", type=float, default=3.0, help="seconds between two blows, on average")
    parser.add_argument("--report", type=Path, default=Path("chaos"), help="where .md and .json are written")
    parser.add_argument("--logs", type=Path, help="a folder to keep the processes' logs in")
    return parser


if __name__ == "__main__":
    main()

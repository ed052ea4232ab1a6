"""What ``up`` tells a newcomer to type is what his shell can run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from onenet_local.welcome import way_to

PROGRAMS = Path(sys.executable).parent
BARE = "/usr/bin:/bin"


def test_a_shell_that_knows_no_environment_finds_the_commands_after_the_first_line() -> None:
    script = f"{way_to(PROGRAMS, BARE)}command -v onenet; command -v onenet-local"
    found = subprocess.run(
        ["/bin/sh", "-c", script], env={"PATH": BARE}, capture_output=True, text=True, timeout=10
    )
    assert found.stdout.split() == [str(PROGRAMS / "onenet"), str(PROGRAMS / "onenet-local")]


def test_nothing_is_said_in_an_activated_environment() -> None:
    assert way_to(PROGRAMS, f"{PROGRAMS}:{BARE}") == ""

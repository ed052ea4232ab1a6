"""Whatever the wheel installs as a command says what it is for, and starts nothing meanwhile."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

COMMANDS = sorted(entry.name for entry in distribution("onenet").entry_points)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_without_any_setting(command: str) -> None:
    program = str(Path(sys.executable).with_name(command))
    helped = subprocess.run([program, "--help"], env={}, capture_output=True, text=True, timeout=60)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert command in helped.stdout

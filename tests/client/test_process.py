"""The command as a process of its own: streams, colours, completion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.fake_api import FakeApi

ONENET = (sys.executable, "-c", "from onenet_client.cli import main; main()")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment}
    return subprocess.run(
        (*ONENET, *arguments), env=variables, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("shell", "word"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete --command")]
)
def test_completion_scripts_name_the_command(shell: str, word: str) -> None:
    script = run("completion", shell).stdout
    assert word in script
    assert "_ONENET_COMPLETE" in script


def test_the_completion_that_the_scripts_ask_for_works() -> None:
    variables = {"_ONENET_COMPLETE": "complete_bash", "COMP_WORDS": "onenet app", "COMP_CWORD": "1"}
    assert run(**variables).stdout.split() == ["apply", "approve"]


def test_no_colours_and_no_traceback_where_nobody_looks(api: FakeApi) -> None:
    api.add_service("orders", "alice")
    good = run("get", "services", ONENET_CLIENT_URL=api.url, ONENET_CLIENT_TOKEN="alice")
    assert "\x1b" not in good.stdout
    bad = run("get", "services", ONENET_CLIENT_URL="http://127.0.0.1:1", ONENET_CLIENT_TOKEN="alice")
    assert bad.returncode == 6
    assert bad.stdout == ""
    assert "Traceback" not in bad.stderr


def test_a_folder_that_cannot_be_read_is_an_error_in_one_line(api: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "default.json").mkdir()
    result = run("whoami", ONENET_CLIENT_URL=api.url, ONENET_CLIENT_CONFIG=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1

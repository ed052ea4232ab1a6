"""Finding Java and Maven, and fetching what they are needed for: whole or not at all, and said if not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onenet_local.java import check_java, fetch_libraries, find_java
from onenet_local.processes import StartFailed

COPIES = 'for word; do case $word in -DoutputDirectory=*) folder=${word#*=};; esac; done; mkdir "$folder"; '
FETCHES = COPIES + 'echo broker > "$folder/kafka.jar"'
BREAKS_OFF = COPIES + 'echo half > "$folder/kafka.jar"; echo "cannot resolve kafka"; exit 1'


def program(folder: Path, name: str, script: str) -> Path:
    """A shell script in place of a program."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def path_of(folder: Path) -> dict[str, str]:
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_java_home_wins_over_the_path(tmp_path: Path) -> None:
    on_path = program(tmp_path / "bin", "java", "")
    at_home = program(tmp_path / "home" / "bin", "java", "")
    environment = path_of(on_path.parent)
    assert find_java(environment) == str(on_path)
    assert find_java(environment | {"JAVA_HOME": str(tmp_path / "home")}) == str(at_home)


def test_without_java_one_is_told_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="java is missing: install Java 17 or newer; on Debian: apt-get"):
        find_java({"PATH": str(tmp_path)})
    with pytest.raises(StartFailed, match=f"java is missing in JAVA_HOME={tmp_path}"):
        find_java({"JAVA_HOME": str(tmp_path)})


@pytest.mark.parametrize("version", ["1.8.0_412", "11.0.23", "none"])
async def test_a_java_that_is_too_old_is_refused(tmp_path: Path, version: str) -> None:
    old = program(tmp_path, "java", f"echo 'openjdk version \"{version}\" 2024-04-16' >&2")
    with pytest.raises(StartFailed, match=f"(?s)is too old: Java 17 or newer.*{version}"):
        await check_java(str(old))


@pytest.mark.parametrize("version", ["17.0.15", "21", "25-ea"])
async def test_a_java_that_is_new_enough_is_taken(tmp_path: Path, version: str) -> None:
    await check_java(str(program(tmp_path, "java", f"echo 'openjdk version \"{version}\"' >&2")))


async def test_without_maven_one_is_told_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="mvn is missing: install Maven; on Debian: apt-get install maven"):
        await fetch_libraries(tmp_path / "pom.xml", tmp_path / "libs", tmp_path / "log", {"PATH": ""})


async def test_what_maven_copied_is_there(tmp_path: Path) -> None:
    maven, libraries = program(tmp_path / "bin", "mvn", FETCHES), tmp_path / "cache" / "libs"
    for _ in range(2):  # the second one finds that another was faster
        await fetch_libraries(tmp_path / "pom.xml", libraries, tmp_path / "log", path_of(maven.parent))
    assert [path.relative_to(tmp_path) for path in libraries.parent.rglob("*")] == [
        Path("cache/libs"),
        Path("cache/libs/kafka.jar"),
    ]


async def test_what_maven_did_not_finish_is_not_there_and_its_words_are_told(tmp_path: Path) -> None:
    maven, libraries = program(tmp_path / "bin", "mvn", BREAKS_OFF), tmp_path / "cache" / "libs"
    with pytest.raises(StartFailed, match=r"(?s)maven ended with exit code 1.*cannot resolve kafka"):
        await fetch_libraries(tmp_path / "pom.xml", libraries, tmp_path / "log", path_of(maven.parent))
    assert list(libraries.parent.iterdir()) == []

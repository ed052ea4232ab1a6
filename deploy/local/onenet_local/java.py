"""The JDK and Maven of this machine, for what is written in Java."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from onenet_local.processes import Command, StartFailed, run

OLDEST = 17
"""The oldest Java that Kafka's broker runs on, since 4.0."""

FETCH_TIMEOUT = 900.0
VERSION_TIMEOUT = 30.0


def find_java(environment: Mapping[str, str]) -> str:
    """The Java to run: of ``JAVA_HOME``, else the one on the path.

    Raises:
        StartFailed: when there is none.
    """
    home = environment.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin") if home else environment.get("PATH", ""))
    if found is None:
        raise StartFailed(
            f"java is missing{f' in JAVA_HOME={home}' if home else ''}: install Java {OLDEST} or newer; "
            f"on Debian: apt-get install openjdk-17-jdk-headless"
        )
    return found


async def check_java(java: str) -> None:
    """See that it is new enough.

    Raises:
        StartFailed: when it is not.
    """
    asked = await asyncio.create_subprocess_exec(
        *(java, "-version"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(asked.communicate(), VERSION_TIMEOUT)
    version = re.search(r'version "(\d+)', said.decode(errors="replace"))
    if version is None or int(version[1]) < OLDEST:
        raise StartFailed(
            f"{java} is too old: Java {OLDEST} or newer is needed; JAVA_HOME names another. It says: "
            f"{said.decode(errors='replace').strip()}"
        )


async def fetch_libraries(pom: Path, target: Path, log: Path, environment: Mapping[str, str]) -> None:
    """Have Maven copy all that a pom.xml depends on into a folder, which is whole or absent.

    Args:
        log: the file that Maven's output is added to.
        environment: what Maven is told, and where it is found.

    Raises:
        StartFailed: when Maven is missing or cannot get it.
    """
    maven = shutil.which("mvn", path=environment.get("PATH", ""))
    if maven is None:
        raise StartFailed("mvn is missing: install Maven; on Debian: apt-get install maven")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{target.name}.") as aside:
        libraries = Path(aside) / "libraries"
        copy = ("dependency:copy-dependencies", f"-DoutputDirectory={libraries}")
        await run(
            Command(
                name="maven",
                command=(maven, "--batch-mode", "--quiet", "--no-transfer-progress", "-f", str(pom), *copy),
                environment=environment,
                log=log,
            ),
            timeout=FETCH_TIMEOUT,
        )
        _place(libraries, target)


def _place(tree: Path, target: Path) -> None:
    try:
        tree.rename(target)
    except OSError:
        if not target.exists():  # else somebody else was faster
            raise

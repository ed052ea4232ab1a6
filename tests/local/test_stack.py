"""The supervisor: starts by need, restarts after crashes, leaves nothing behind, shares no folder."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_local.claim import LOCK, STATE, AlreadyRunning, Claim, holder, read_state
from onenet_local.cloud import handle
from onenet_local.parts import ALL, TRAFFIC, Choice, build, to_look_at
from onenet_local.probes import free_port, listens
from onenet_local.processes import Process, Program, StartFailed
from onenet_local.services import COLLECTOR, FLOW_LOGS, HUB_ACCOUNT, SERVICES, Addresses, environment
from onenet_local.settings import LocalSettings
from onenet_local.stack import Stack
from onenet_local.supervisor import LONGEST_PAUSE, Part, Supervisor, ending, pause_before, waves
from onenet_local.unprivileged import temporary_folder

PATIENCE = 60.0
"""Seconds after which a test that waits for something is wrong about it."""

LISTEN = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); "
RUN = LISTEN + "time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + RUN
FAILS_ONCE = "import os; os.path.exists(mark) or (os.mkdir(mark), os._exit(1)); "
BROKEN = "import sys; sys.exit('the catalogue is not valid')"


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


def stand_in(
    folder: Path, name: str, code: str = RUN, *, start_timeout: float = PATIENCE, stop_timeout: float = 5.0
) -> Process:
    """A child process that listens on a port, in place of a service."""
    port = free_port()
    return Process(
        Program(
            name=name,
            command=(sys.executable, "-I", "-S", "-c", code, str(port)),
            environment={},
            log=folder / f"{name}.log",
            ready=listens(port),
            start_timeout=start_timeout,
            stop_timeout=stop_timeout,
        )
    )


def supervise(reports: list[str], **parts: Part) -> Supervisor:
    return Supervisor(parts, reports.append, lambda: None)


def runs(pid: int) -> bool:
    """Whether a process is there and is more than an entry that nobody has collected."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until_gone(pids: list[int]) -> None:
    async with asyncio.timeout(PATIENCE):
        for pid in pids:
            while runs(pid):  # noqa: ASYNC110  # there is no event for another process's child
                await asyncio.sleep(0.02)


class Noting(Process):
    """Notes, when it is about to start, whether another one is ready."""

    def __init__(self, program: Program, other: Process) -> None:
        super().__init__(program)
        self._other = other
        self.other_was_ready = False

    async def prepare(self) -> None:
        self.other_was_ready = await self._other.program.ready()


async def test_a_part_starts_when_what_it_needs_is_ready(folder: Path) -> None:
    slow = stand_in(folder, "slow", "import time; time.sleep(0.3); " + RUN)
    needy = Noting(stand_in(folder, "needy").program, slow)
    supervisor = supervise([], needy=Part(needy, frozenset({"slow"})), slow=Part(slow))
    await supervisor.start()
    assert needy.other_was_ready
    assert None not in (needy.pid, slow.pid)
    await supervisor.stop()
    assert (needy.pid, slow.pid) == (None, None)


async def test_one_that_cannot_start_says_why_and_takes_the_others_down(folder: Path) -> None:
    good, broken = stand_in(folder, "good"), stand_in(folder, "broken", BROKEN)
    supervisor = supervise([], good=Part(good), broken=Part(broken, frozenset({"good"})))
    with pytest.raises(StartFailed, match=r"(?s)broken ended with exit code 1.*the catalogue is not valid"):
        await supervisor.start()
    assert (good.pid, broken.pid) == (None, None)


async def test_nobody_waits_for_one_that_is_not_awaited_and_it_comes_in_the_end(folder: Path) -> None:
    reports: list[str] = []
    good, once = stand_in(folder, "good"), folder / "failed"
    late = stand_in(folder, "late", f"mark = {str(once)!r}; " + FAILS_ONCE + RUN)
    supervisor = supervise(reports, good=Part(good), late=Part(late, frozenset({"good"}), awaited=False))
    await supervisor.start()
    assert (good.pid is None, late.pid) == (False, None)
    async with asyncio.timeout(PATIENCE):
        await supervisor.until_ready("late")
    assert late.pid is not None
    assert "late is back" in reports
    await supervisor.stop()
    assert {one.pid for one in (good, late)} == {None}


async def test_stopping_before_a_late_one_has_come_leaves_nothing(folder: Path) -> None:
    good, broken = stand_in(folder, "good"), stand_in(folder, "broken", BROKEN)
    supervisor = supervise([], good=Part(good), broken=Part(broken, frozenset({"good"}), awaited=False))
    await supervisor.start()
    await supervisor.stop()
    assert (good.pid, broken.pid) == (None, None)


async def test_one_that_never_gets_ready_is_killed(folder: Path) -> None:
    deaf = stand_in(folder, "deaf", "import time; time.sleep(600)", start_timeout=0.3)
    with pytest.raises(StartFailed, match=r"deaf was not ready after 0\.3 s"):
        await deaf.start()
    assert deaf.pid is None


async def test_a_stubborn_one_is_killed_after_its_time(folder: Path) -> None:
    stubborn = stand_in(folder, "stubborn", STUBBORN, stop_timeout=0.2)
    await stubborn.start()
    pid = stubborn.pid
    await stubborn.stop()
    assert pid is not None
    assert not runs(pid)
    assert await stubborn.ended() == -signal.SIGKILL


async def test_another_process_on_the_port_is_not_taken_for_ours(folder: Path) -> None:
    squatter = stand_in(folder, "squatter")
    await squatter.start()
    late = Process(replace(squatter.program, name="late"))
    try:
        with pytest.raises(StartFailed, match="another process answers already where late should"):
            await late.start()
    finally:
        await squatter.stop()


async def test_a_crash_is_reported_with_the_last_words_and_mended(folder: Path) -> None:
    reports: list[str] = []
    child = stand_in(folder, "child", LISTEN + "print('last words', flush=True); time.sleep(600)")
    supervisor = supervise(reports, child=Part(child))
    await supervisor.start()
    first = child.pid
    async with asyncio.timeout(PATIENCE):
        await supervisor.kill("child")
        await supervisor.until_ready("child")
    assert child.pid not in (None, first)
    assert "child was ended by SIGKILL; its log ends with:\nlast words" in reports
    assert reports[-1] == "child is back"
    await supervisor.stop()


async def test_what_was_stopped_on_purpose_stays_away(folder: Path) -> None:
    reports: list[str] = []
    child = stand_in(folder, "child")
    supervisor = supervise(reports, child=Part(child))
    await supervisor.start()
    await supervisor.stop_part("child")
    assert child.pid is None
    await supervisor.start_part("child")
    await supervisor.start_part("child")
    assert child.pid is not None
    await supervisor.restart("child")
    await supervisor.stop()
    await asyncio.sleep(0)
    assert reports == []


async def test_stopping_while_a_crashed_one_comes_back_leaves_nothing(folder: Path) -> None:
    child = stand_in(folder, "child")
    supervisor = supervise([], child=Part(child))
    await supervisor.start()
    await supervisor.kill("child")
    await supervisor.stop()
    assert child.pid is None


@given(st.dictionaries(st.integers(0, 9), st.frozensets(st.integers(0, 9))))
def test_nobody_is_stopped_while_somebody_needs_it(drawn: dict[int, frozenset[int]]) -> None:
    needs = {
        str(name): frozenset(str(other) for other in others if other < name and other in drawn)
        for name, others in drawn.items()
    }
    unused = stand_in(Path("/"), "unused")
    order = waves({name: Part(unused, others) for name, others in needs.items()})
    place = {name: number for number, wave in enumerate(order) for name in wave}
    assert place.keys() == needs.keys()
    assert all(place[name] < place[other] for name, others in needs.items() for other in others)


def test_parts_that_need_each_other_are_refused() -> None:
    unused = stand_in(Path("/"), "unused")
    with pytest.raises(ValueError, match="need each other: a, b"):
        waves({"a": Part(unused, frozenset({"b"})), "b": Part(unused, frozenset({"a"}))})


def test_restarts_slow_down_and_never_stop() -> None:
    pauses = [pause_before(restart) for restart in range(1, 2_000)]
    assert pauses[0] < 1
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


def test_an_ending_is_told_in_words() -> None:
    assert ending(2) == "ended with exit code 2"
    assert ending(-9) == "was ended by SIGKILL"
    assert ending(-40) == "was ended by signal 40"


def test_a_folder_has_one_stack_and_a_dead_ones_claim_is_nothing(folder: Path) -> None:
    (folder / LOCK).write_text("1\n")
    assert holder(folder) is None
    with Claim(folder) as claim:
        claim.write_state({"pid": os.getpid()})
        assert holder(folder) == os.getpid()
        assert stat.S_IMODE((folder / STATE).stat().st_mode) == 0o600
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}") as refused, Claim(folder):
            pass
        assert refused.value.state == {"pid": os.getpid()}
    assert (holder(folder), read_state(folder)) == (None, {})


WHERE = Addresses("postgresql://secret", "127.0.0.1:1", "http://cloud", "http://issuer", "http://api")
INHERITED = {
    "PATH": "/bin",
    "AWS_ACCESS_KEY_ID": "of the user",
    "AWS_SESSION_TOKEN": "of the user",
    "ONENET_API_REPUBLISH_AFTER": "5",
    "ONENET_LOG_LEVEL": "DEBUG",
    "ONENET_DATABASE_URL": "postgresql://production",
}


def test_each_service_is_told_what_it_needs_and_no_more() -> None:
    told = {service.name: environment(service, WHERE, INHERITED) for service in SERVICES}
    assert [name for name in told if "AWS_ACCESS_KEY_ID" in told[name]] == ["provisioner"]
    assert told["provisioner"]["AWS_ACCESS_KEY_ID"] == f"LOCAL{handle.HUB_ACCOUNT}"
    assert told["api"]["ONENET_API_AWS_ACCOUNT"] == handle.HUB_ACCOUNT == HUB_ACCOUNT
    assert "AWS_SESSION_TOKEN" not in told["provisioner"]
    assert [name for name in told if "ONENET_DATABASE_URL" not in told[name]] == ["evaluator"]
    assert told["api"]["ONENET_DATABASE_URL"] == WHERE.database
    assert [name for name in told if "ONENET_API_REPUBLISH_AFTER" in told[name]] == ["api"]
    assert {variables["ONENET_LOG_LEVEL"] for variables in told.values()} == {"DEBUG"}


def test_replicas_share_a_name_and_no_port(folder: Path) -> None:
    choice = Choice(replicas={"api": 3}, environment={"api": {"ONENET_LOG_LEVEL": "ERROR"}})
    parts = build(folder, LocalSettings(local_api_port=20_001), choice, {}).by_name
    assert set(parts) == {*ALL, "api-2", "api-3"}
    told = [parts[name].process.program.environment for name in ("api", "api-2", "api-3")]
    assert told[0]["ONENET_API_PORT"] == "20001"
    ports = [variables[name] for variables in told for name in ("ONENET_API_PORT", "ONENET_OPS_PORT")]
    assert len(set(ports)) == 6
    assert {variables["ONENET_LOG_LEVEL"] for variables in told} == {"ERROR"}


def test_who_asks_for_the_collector_gets_flow_logs_made_delivered_and_taken_in(folder: Path) -> None:
    usual = build(folder, LocalSettings(), Choice(), {})
    asked = build(folder, LocalSettings(), Choice(only=to_look_at(LocalSettings())), {})
    assert set(asked.by_name) - set(usual.by_name) == {COLLECTOR.name, TRAFFIC}
    told = asked.by_name["provisioner"].process.program.environment
    assert told["ONENET_PROVISIONER_AWS_FLOW_LOGS_BUCKET"] == f"arn:aws:s3:::{FLOW_LOGS}"
    assert FLOW_LOGS in asked.by_name["cloud"].process.program.command
    taken_in = asked.by_name[COLLECTOR.name].process.program.environment
    queue = f"{asked.addresses.cloud}/{HUB_ACCOUNT}/{FLOW_LOGS}"
    assert (taken_in["ONENET_COLLECTOR_QUEUE_URL"], taken_in["AWS_ACCESS_KEY_ID"]) == (
        queue,
        f"LOCAL{HUB_ACCOUNT}",
    )
    delivered = asked.by_name[TRAFFIC].process.program.environment
    assert delivered["ONENET_LOCAL_TRAFFIC_CLOUD"] == asked.addresses.cloud
    told = usual.by_name["provisioner"].process.program.environment
    assert "ONENET_PROVISIONER_AWS_FLOW_LOGS_BUCKET" not in told
    assert FLOW_LOGS not in usual.by_name["cloud"].process.program.command


def test_without_traffic_there_is_a_collector_for_files_of_ones_own() -> None:
    assert to_look_at(LocalSettings(local_traffic=0)) == (*ALL, COLLECTOR.name)


def test_a_part_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no such part: databse; there are postgres, broker"):
        Choice(only=["databse"])


INFRASTRUCTURE = Choice(only=["postgres", "broker", "issuer"])
WITHOUT_DATA = Choice(only=["broker", "issuer"])
"""Quicker to start, for what does not depend on the parts."""


async def test_a_second_stack_in_the_folder_is_refused_and_told_of_the_first(folder: Path) -> None:
    async with Stack(folder, choice=WITHOUT_DATA) as stack:
        with pytest.raises(AlreadyRunning) as refused:
            await Stack(folder).start()
        assert refused.value.pid == os.getpid()
        assert refused.value.state["addresses"]["kafka"] == stack.addresses.kafka
        assert set(refused.value.state["processes"]) == set(WITHOUT_DATA.only)
        async with httpx.AsyncClient(base_url=stack.addresses.issuer) as issuer:
            assert (await issuer.get("/jwks")).status_code == 200


async def test_a_stack_that_fails_gives_its_folder_free(folder: Path) -> None:
    accounts = folder / "accounts.yaml"
    accounts.write_text("people: nobody")
    with pytest.raises(StartFailed, match=r"(?s)issuer ended with exit code 1.*does not say who can sign in"):
        await Stack(folder, LocalSettings(local_accounts=accounts), choice=WITHOUT_DATA).start()
    assert holder(folder) is None
    async with Stack(folder, choice=WITHOUT_DATA):
        assert holder(folder) == os.getpid()


@asynccontextmanager
async def running_command(
    folder: Path, choice: Choice = INFRASTRUCTURE
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``onenet-local up`` with the infrastructure, once it says that it is up."""
    up = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "onenet_local.cli", "up", *choice.only),
        env=environment_of(folder),
        stdout=asyncio.subprocess.PIPE,
    )
    assert up.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            while b"OneNet is up" not in await up.stdout.readline():
                assert not up.stdout.at_eof()
        yield up
    finally:
        if up.returncode is None:
            up.kill()
        await up.communicate()


async def call(folder: Path, *words: str, **settings: str) -> tuple[int | None, str]:
    """Run ``onenet-local`` to its end: the exit code and all that it printed."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "onenet_local.cli", *words),
        env=environment_of(folder) | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE):
        printed, _ = await child.communicate()
    return child.returncode, printed.decode()


def environment_of(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "ONENET_LOCAL_DATA": str(folder), "ONENET_LOCAL_FSYNC": "false"}


def family(folder: Path) -> list[int]:
    """Every process of the stack that runs in a folder, PostgreSQL's own children included."""
    pids = [int(process["pid"]) for process in read_state(folder)["processes"].values()]
    return pids + [int(child) for pid in pids for child in _children(pid)]


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize(
    ("number", "choice"),
    [(signal.SIGINT, WITHOUT_DATA), (signal.SIGTERM, INFRASTRUCTURE), (signal.SIGHUP, WITHOUT_DATA)],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
async def test_the_command_ends_in_order_when_asked(
    folder: Path, number: signal.Signals, choice: Choice
) -> None:
    async with running_command(folder, choice) as up:
        pids = family(folder)
        up.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            assert await up.wait() == 0
        assert [pid for pid in pids if runs(pid)] == []
        assert not (folder / STATE).exists()


async def test_kill_9_of_the_supervisor_leaves_no_process_and_a_usable_folder(folder: Path) -> None:
    async with running_command(folder) as up:
        pids = family(folder)
        assert len(pids) > len(INFRASTRUCTURE.only)
        up.kill()
        await up.wait()
        await until_gone(pids)
    async with running_command(folder):
        assert len(family(folder)) > len(INFRASTRUCTURE.only)


async def test_up_status_and_down_know_of_each_other(folder: Path) -> None:
    assert await call(folder, "status") == (3, f"no stack runs in {folder}\n")
    assert (await call(folder, "down"))[0] == 0
    async with running_command(folder) as up:
        state = json.loads((folder / STATE).read_text())
        for words, expected in ((("up",), 4), (("clean",), 4), (("status",), 0)):
            code, printed = await call(folder, *words)
            assert code == expected
            assert f"process {up.pid}" in printed
            if words != ("clean",):
                assert state["addresses"]["issuer"] in printed
        assert (await call(folder, "logs", "postgres", "-n", "1"))[0] == 0
        assert await call(folder, "down") == (0, "stopped\n")
        assert await up.wait() == 0
    assert await call(folder, "clean") == (0, f"deleted {folder}\n")
    assert read_state(folder) == {}


async def test_misspelt_settings_and_names_are_told(folder: Path) -> None:
    code, printed = await call(folder, "status", ONENET_LOCAL_ISUER_PORT="1")
    assert (code, "did you mean ONENET_LOCAL_ISSUER_PORT?" in printed) == (2, True)
    code, printed = await call(folder, "logs", "apu")
    assert (code, printed) == (1, f"no log of 'apu'; there are: none, in {folder}/logs\n")
    assert (await call(folder, "up", "apu"))[0] == 2

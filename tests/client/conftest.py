"""The fake API and the local issuer on ports, and the command run against them in this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from typer.testing import CliRunner

from onenet_client.cli import main
from onenet_local.issuer.accounts import load
from onenet_local.issuer.app import create as create_issuer
from onenet_local.issuer.provider import Provider
from tests.client.fake_api import FakeApi
from tests.client.fake_routes import create as create_api


@contextmanager
def serving(create: Callable[[str], ASGIApp]) -> Iterator[str]:
    """Serve an application that wants to know its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(create(url), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Stage:
    """A server whose application each test replaces: one takes a fifth of a second to end."""

    url: str
    application: ASGIApp = field(default_factory=Starlette)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.application(scope, receive, send)


@contextmanager
def _stage() -> Iterator[Stage]:
    stages: list[Stage] = []

    def create(url: str) -> Stage:
        stages.append(Stage(url))
        return stages[0]

    with serving(create):
        yield stages[0]


@pytest.fixture(scope="package")
def api_stage() -> Iterator[Stage]:
    with _stage() as stage:
        yield stage


@pytest.fixture(scope="package")
def issuer_stage() -> Iterator[Stage]:
    with _stage() as stage:
        yield stage


@pytest.fixture
def api(api_stage: Stage) -> FakeApi:
    api = FakeApi(api_stage.url)
    api_stage.application = create_api(api)
    return api


@pytest.fixture
def issuer(api: FakeApi, issuer_stage: Stage) -> str:
    """The issuer where the API's users sign in."""
    issuer_stage.application = create_issuer(Provider(issuer_stage.url, load()))
    api.issuer = issuer_stage.url
    return api.issuer


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command keeps its profiles."""
    return tmp_path / "config"


@pytest.fixture
def onenet(api: FakeApi, folder: Path) -> Run:
    """Runs the command as ``alice``, as another user, or with None as the stored profile's."""

    def run(*arguments: str, user: str | None = "alice", stdin: str = "", **environment: str) -> Result:
        variables = {
            "ONENET_CLIENT_URL": api.url,
            "ONENET_CLIENT_TOKEN": user,
            "ONENET_CLIENT_CONFIG": str(folder),
            **environment,
        }
        with CliRunner().isolation(stdin, variables) as (out, err, _):
            with pytest.raises(SystemExit) as ended:
                main(arguments)
            code = ended.value.code
            texts = out.getvalue().decode(), err.getvalue().decode()
            return Result(code if isinstance(code, int) else 0, *texts)

    return run

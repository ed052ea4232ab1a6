"""A container is healthy when what runs in it answers, and says why when it is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from onenet_common.healthcheck import healthy, own


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the standard library's name
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Answers) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_an_answer_is_health(server: str) -> None:
    assert healthy(f"{server}/200")


def test_a_service_that_is_not_ready_is_not_healthy(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not healthy(f"{server}/503")
    assert "503" in capsys.readouterr().err


def test_silence_is_not_health(capsys: pytest.CaptureFixture[str]) -> None:
    assert not healthy("http://127.0.0.1:1/readyz")
    assert "http://127.0.0.1:1/readyz" in capsys.readouterr().err


def test_without_a_url_it_asks_the_service_of_this_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONENET_OPS_PORT", "9464")
    assert own() == "http://127.0.0.1:9464/readyz"

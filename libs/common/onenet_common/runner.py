"""How a service runs: start its parts in order, be ready, drain on SIGTERM, end in 10 seconds."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from onenet_common import telemetry
from onenet_common.errors import OneNetError
from onenet_common.event_loop import EventLoop
from onenet_common.settings import Settings
from onenet_common.telemetry import meter

log = structlog.get_logger(__name__)
_ready = meter.create_gauge("onenet.service.ready", description="1 from all parts started until the drain")

DRAIN = 9.0
"""Seconds for all parts to stop; Kubernetes and the local stack kill after 10 or more."""


class Component(Protocol):
    """A part that is inert until started."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Server:
    """An ASGI application on uvicorn, as a component."""

    def __init__(self, application: Callable[..., object], *, host: str, port: int, drain: int = 5) -> None:
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                application,
                host=host,
                port=port,
                lifespan="off",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=drain,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._uvicorn.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # ours
        self._serving = asyncio.create_task(self._uvicorn.serve())
        while not self._uvicorn.started:
            if self._serving.done():
                self._serving.result()
                raise RuntimeError("the HTTP server ended before it had started")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._uvicorn.should_exit = True
        if self._serving is not None:
            await asyncio.wait({self._serving})


def run(service: str, settings: Settings, wire: Callable[[], Sequence[Component]]) -> None:
    """Run a service until SIGTERM or SIGINT.

    Args:
        service: its name in logs, traces and metrics.
        wire: builds the parts, inert; they start in order and stop in reverse. When one of them
            cannot start for a reason of ours, the log says why, and the exit code is 1.
    """
    telemetry.start(service, settings)
    uvloop_run = asyncio.Runner(loop_factory=_fast_loop)
    try:
        with uvloop_run as runner:
            runner.run(_run(service, settings, wire))
    except OneNetError as error:
        log.error("service.start_failed", code=error.code, reason=error.reason)
        sys.exit(1)
    finally:
        telemetry.stop()


def _fast_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


async def _run(service: str, settings: Settings, wire: Callable[[], Sequence[Component]]) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    ready = asyncio.Event()
    components: list[Component] = [_operations(settings, ready), EventLoop(), *wire()]
    _ready.set(0)
    started: list[Component] = []
    starting = asyncio.create_task(_start(components, started))
    waiting = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            _keep_what_stays()
            ready.set()
            _ready.set(1)
            log.info("service.ready")
            await waiting
    finally:
        ready.clear()
        _ready.set(0)
        log.info("service.draining")
        starting.cancel()
        waiting.cancel()
        await asyncio.wait({starting, waiting}, timeout=1)
        await _stop(started)
        log.info("service.stopped")


def _keep_what_stays() -> None:
    """Have the garbage collector leave alone what is there once all has started: modules, classes, routes.

    It would go through all of it every few seconds of work, and hold up whatever is asked meanwhile
    for a tenth of a second.
    """
    gc.collect()
    gc.freeze()


async def _start(components: Sequence[Component], started: list[Component]) -> None:
    for component in components:
        started.append(component)
        await component.start()


async def _stop(started: Sequence[Component]) -> None:
    try:
        async with asyncio.timeout(DRAIN):
            for component in reversed(started):
                try:
                    await component.stop()
                except Exception:
                    log.exception("component.stop_failed", component=type(component).__name__)
    except TimeoutError:
        log.warning("service.drain_timed_out", seconds=DRAIN)


def _operations(settings: Settings, ready: asyncio.Event) -> Server:
    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        return JSONResponse({"ready": ready.is_set()}, status_code=200 if ready.is_set() else 503)

    async def metrics(_: Request) -> Response:
        body, media_type = telemetry.exposition()
        return Response(body, media_type=media_type)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    return Server(Starlette(routes=routes), host=settings.ops_host, port=settings.ops_port)

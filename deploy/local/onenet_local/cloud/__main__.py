"""Run the local cloud: ``python -m onenet_local.cloud --port 5000``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from threading import Thread

from onenet_common.loading import loading


def main() -> None:
    """Serve until SIGTERM or SIGINT; one JSON line on stdout says where, once ready."""
    settings = _arguments().parse_args()
    from onenet_local.cloud.moto_loading import leave_out_machines

    leave_out_machines()
    with loading():
        from onenet_local.cloud.assembly import build
        from onenet_local.cloud.control import SIMULATED
        from onenet_local.cloud.rules import Rules

    try:
        rules = Rules(settle=settings.settle, latency=settings.latency)
        server = build(settings.host, settings.port, rules)
        if settings.flow_logs:
            from onenet_local.cloud import flow_log_bucket

            flow_log_bucket.make(*settings.flow_logs)
    except OSError as error:
        sys.exit(_complain(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"))
    except ValueError as error:
        sys.exit(_complain(str(error)))

    def stop(*_: object) -> None:
        # shutdown waits for the loop that this very thread may be running.
        Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    ready = {"event": "ready", "cloud": SIMULATED, "url": f"http://{settings.host}:{server.port}"}
    print(json.dumps(ready), flush=True)
    server.serve_forever(poll_interval=0.1)


def _complain(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m onenet_local.cloud", description="A simulated AWS.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--settle", type=float, default=0.0, help="seconds in each passing peering state")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds added to every call")
    parser.add_argument(
        "--flow-logs",
        nargs=2,
        metavar=("NAME", "REGION"),
        help="make a bucket for flow logs and a queue that tells of its files, in OneNet's own account",
    )
    return parser


if __name__ == "__main__":
    main()

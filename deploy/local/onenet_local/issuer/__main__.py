"""``python -m onenet_local.issuer --port 9000``."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from onenet_local.issuer.accounts import DEFAULT, load
from onenet_local.issuer.app import create
from onenet_local.issuer.provider import Provider
from onenet_local.probes import HOST


def main() -> None:
    parser = argparse.ArgumentParser(prog="onenet_local.issuer", description="OneNet's local issuer.")
    parser.add_argument("--host", default=HOST, help="the address to listen on")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--url", help="its name in tokens, where that is not http://HOST:PORT")
    parser.add_argument("--accounts", type=Path, default=DEFAULT, help="people and machines, YAML")
    parser.add_argument("--lifetime", type=int, default=3600, help="seconds for which a token is good")
    given = parser.parse_args()
    url = given.url or f"http://{given.host}:{given.port}"
    provider = Provider(url, load(given.accounts), lifetime=given.lifetime)
    uvicorn.run(create(provider), host=given.host, port=given.port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()

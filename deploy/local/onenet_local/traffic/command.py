"""``onenet-local traffic``: what it does once its arguments are read."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping
from pathlib import Path

from onenet_local.traffic.encoders import FORMATS
from onenet_local.traffic.generator import Anomalies, Traffic
from onenet_local.traffic.landscape import Landscape, landscape
from onenet_local.traffic.networks import Network
from onenet_local.traffic.sending import send


def run(
    kafka: str, *, written_as: str, rate: int, seed: int, seconds: float | None, networks: Path | None
) -> int:
    """Send until the time is over or Ctrl-C.

    Returns:
        How many observations were sent.

    Raises:
        ValueError: in words for the user: no networks, or a file that is wrong.
    """
    given = read(networks) if networks else None
    return asyncio.run(_run(kafka, given, written_as, rate, seed, seconds))


def read(path: Path) -> Landscape:
    """Networks from a JSON file: ``{"networks": [{native_id, account, subnet}], "links": [[id, id]]}``.

    Raises:
        ValueError: naming what is wrong.
    """
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    if not isinstance(content, Mapping) or not isinstance(content.get("networks"), list):
        raise ValueError(f'{path}: an object with "networks" is expected')
    networks = tuple(Network.of(one) for one in content["networks"])
    places = {network.id: place for place, network in enumerate(networks)}
    try:
        links = tuple((places[left], places[right]) for left, right in content.get("links", []))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: links: pairs of native_id of its networks are expected: {error!r}"
        ) from None
    return Landscape(networks, links)


async def _run(
    kafka: str, given: Landscape | None, written_as: str, rate: int, seed: int, seconds: float | None
) -> int:
    known = given or await landscape(kafka)
    if not known.networks:
        raise ValueError("no networks are known: create a provider first, such as by onenet-local demo")
    traffic = Traffic(known.networks, known.links, seed, Anomalies())
    sending = asyncio.ensure_future(send(kafka, traffic, FORMATS[written_as], rate=rate, seconds=seconds))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, sending.cancel)
    try:
        return await sending
    except asyncio.CancelledError:
        return 0

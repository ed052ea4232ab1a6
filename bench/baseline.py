"""The API's own process with one more route, which does nothing: what accepting is compared with.

``python -m bench.baseline`` runs it, with the settings of ``onenet-api``.
"""

from __future__ import annotations

from onenet_api import identity, main
from onenet_api.auth import Caller

PATH = "/bench/empty"


async def nothing(caller: Caller) -> dict[str, str]:
    """Know who is asking, and no more."""
    return {}


if __name__ == "__main__":
    # A router of the API's is read when the application is built, which is later.
    identity.router.add_api_route(PATH, nothing, methods=["POST"])
    main.main()

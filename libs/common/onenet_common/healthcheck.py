"""Whether what runs in this container answers, for Docker: ``python -m onenet_common.healthcheck [URL]``.

Images have no curl. Without a URL it asks the service's own ``/readyz``.
"""

from __future__ import annotations

import os
import sys
from urllib.request import urlopen

TIMEOUT = 4.0
"""Seconds; Docker's own limit is longer, so that the reason is told."""


def healthy(url: str) -> bool:
    """Whether it answers with a status below 400; if not, standard error says why."""
    try:
        with urlopen(url, timeout=TIMEOUT):  # noqa: S310  # the container's own command line names it
            return True
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{url}: {error}\n")
        return False


def own() -> str:
    """Where the service in this container says whether it is ready."""
    return f"http://127.0.0.1:{os.environ['ONENET_OPS_PORT']}/readyz"


if __name__ == "__main__":
    sys.exit(0 if healthy(sys.argv[1] if len(sys.argv) > 1 else own()) else 1)

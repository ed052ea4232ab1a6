"""The columns of sums and of dependencies, by name.

They are apart from ``tables.py``, so that the process that counts does not hold SQLAlchemy.
"""

from __future__ import annotations

KEY = ("kind", "connection", "source", "target", "observer", "protocol", "port", "reply", "accepted")
"""What traffic is told apart by, besides its time; see ``buckets.py``."""

AMOUNTS = ("bytes", "packets", "flows")

EDGE = ("kind", "connection", "client", "server", "protocol", "port")
"""The key of a dependency: who opens conversations with whom over what."""

ASKED, ANSWERED = WAYS = ("asked", "answered")
CLIENT, SERVER = ENDS = ("client", "server")

EDGE_AMOUNTS = tuple(f"{way}_{name}_at_{end}" for way in WAYS for end in ENDS for name in AMOUNTS)
"""Either direction, as the network of either end saw it: ``asked`` is what the client sent."""

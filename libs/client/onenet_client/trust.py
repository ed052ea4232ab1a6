"""Whom connections over TLS trust."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def trust() -> ssl.SSLContext:
    """The authorities that httpx takes by itself, read once: it would read all of them for each client."""
    return httpx.create_ssl_context()

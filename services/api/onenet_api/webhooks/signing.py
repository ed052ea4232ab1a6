"""Standard Webhooks: how a receiver knows that a delivery is ours. Pure but for the secret's draw."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """A secret as its owner gets it, once."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(message_id: str, timestamp: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The three headers of a delivery.

    Args:
        timestamp: seconds since the epoch, of this attempt.
        keys: one secret, or during a rotation the new one and the old one.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(message_id, timestamp, body, key) for key in keys),
    }


def signature(message_id: str, timestamp: int, body: bytes, secret: str) -> str:
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()

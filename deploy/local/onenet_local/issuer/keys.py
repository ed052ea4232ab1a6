"""The issuer's signing keys: one signs, retired ones stay published until their tokens are over."""

from __future__ import annotations

from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, KeySetSerialization, RSAKey

ALGORITHM = "RS256"


class KeyRing:
    """Keys live in memory: a restart is a rotation that drops the old key.

    Args:
        retire_after: seconds for which a key that was rotated out is still published.
    """

    def __init__(self, *, retire_after: float) -> None:
        self._retire_after = retire_after
        self._current = _new_key()
        self._retired: list[tuple[float, RSAKey]] = []

    def sign(self, claims: dict[str, Any], *, kind: str) -> str:
        """A signed token; ``kind`` goes into its ``typ`` header."""
        header = {"alg": ALGORITHM, "kid": self._current.kid, "typ": kind}
        return jwt.encode(header, claims, self._current)

    def published(self, now: float) -> KeySetSerialization:
        """The JSON Web Key Set, the signing key first."""
        self._retired = [(until, key) for until, key in self._retired if until > now]
        return KeySet([self._current, *(key for _, key in self._retired)]).as_dict(private=False)

    def rotate(self, now: float, *, drop: bool) -> str | None:
        """Sign with a new key from now on.

        Args:
            drop: forget all earlier keys at once, so that their tokens are worthless.

        Returns:
            The new key's id.
        """
        self._retired = [] if drop else [*self._retired, (now + self._retire_after, self._current)]
        self._current = _new_key()
        return self._current.kid


def _new_key() -> RSAKey:
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": ALGORITHM})
    key.ensure_kid()
    return key

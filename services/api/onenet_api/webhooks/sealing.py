"""Secrets at rest: encrypted with a key that the database does not hold."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from onenet_api.problems import conflict
from onenet_common.errors import Permanent


class Seals:
    """Encrypts with the first key, reads with any.

    Args:
        keys: comma-separated keys of Fernet; None where the operator has set none.
    """

    def __init__(self, keys: SecretStr | None) -> None:
        self._fernet = fernet(keys) if keys is not None else None

    def seal(self, secret: str) -> str:
        """
        Raises:
            Problem: 409 when there is no key.
        """
        if self._fernet is None:
            raise conflict("webhooks-not-set-up", "the operator has to set ONENET_API_SECRETS_KEYS first")
        return self._fernet.encrypt(secret.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """
        Raises:
            Permanent: when none of the keys sealed it.
        """
        if self._fernet is None:
            raise Permanent("ONENET_API_SECRETS_KEYS is not set", code="unreadable_secret")
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise Permanent("no key of ONENET_API_SECRETS_KEYS reads it", code="unreadable_secret") from None


def fernet(keys: SecretStr) -> MultiFernet:
    """
    Raises:
        ValueError: when one is no key; it does not say which.
    """
    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.get_secret_value().split(",")])
    except ValueError:
        raise ValueError("each key is 32 bytes in URL-safe base64; Fernet.generate_key() makes one") from None

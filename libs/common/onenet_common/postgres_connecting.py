"""One connection to PostgreSQL, or a sentence that says what keeps us out.

Whatever that is, it may be put right without us: a server starts, a certificate or a password is
renewed. So all of it is Transient; a wish or a message never pays for it.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import asyncpg

from onenet_common.errors import Transient
from onenet_common.postgres_address import place, sslmode
from onenet_common.postgres_errors import TranslatingConnection

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

LONGEST_IDLE = 15
"""Seconds that a transaction may wait for its client: one that was stopped in the middle holds locks
that others need, and the server cannot tell that it is not merely slow."""

NAME_MISMATCH = (62, 64)
"""OpenSSL's verdicts on a certificate that is trusted, but issued for another name or address."""

KEPT_OUT = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""OSError includes errors of TLS and TimeoutError."""


def session(schema: str) -> dict[str, str]:
    """Server settings of every connection of a service."""
    return {
        "search_path": schema,
        "application_name": f"onenet-{schema}",
        "jit": "off",
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": f"{LONGEST_IDLE}s",
    }


async def connect(dsn: str | None = None, **options: Any) -> Connection:
    """``asyncpg.connect``, whose statements and failures raise Transient; certificates are read anew.

    Raises:
        Transient: where the database is, without the password, and why it is out of reach.
    """
    try:
        return await asyncpg.connect(dsn, **{"connection_class": TranslatingConnection, **options})
    except KEPT_OUT as error:
        url = dsn or ""
        raise Transient(
            f"the database {place(url)} {_why(url, error)}", code="database_unavailable"
        ) from error


def _why(url: str, error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError() if error.verify_code in NAME_MISMATCH:
            return f"is not trusted: {error.verify_message} Connect to a host that the certificate names"
        case ssl.SSLCertVerificationError():
            return (
                f"is not trusted: {error.verify_message}; "
                "the file in sslrootcert must hold the authority that issued its certificate"
            )
        case ssl.SSLError():
            return f"and we do not agree on TLS: {error}"
        case ConnectionError() if "SSL upgrade" in str(error):
            return f"does not offer TLS, which sslmode={sslmode(url)} asks for"
        case asyncpg.PostgresError() | asyncpg.InterfaceError():
            return f"does not let us in: {error}"
        case TimeoutError():
            return "does not answer in time"
    return f"does not answer: {error}"

"""Where the database is: a URL that is checked before it is used, and shown without its password."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

SCHEMES = ("postgresql", "postgres")
UNCHECKED = ("disable", "allow", "prefer")
CHECKING = ("require", "verify-ca", "verify-full")
"""With ``require`` the server's certificate is checked only where ``sslrootcert`` says by what."""

FILES = ("sslrootcert", "sslcert", "sslkey")


def check(url: str) -> None:
    """Refuse a URL that cannot work, or that would be less secure than it looks.

    Raises:
        ValueError: with what would be right, and nothing of the password.
    """
    if problems := list(_problems(url)):
        raise ValueError("; ".join(problems))


def place(url: str) -> str:
    """``user@host:port/database``; of a URL that is not one, nothing."""
    try:
        parts = urlsplit(url)
        _hosts(parts)
    except ValueError:
        return "at a URL that is not valid"
    credentials, _, hosts = parts.netloc.rpartition("@")
    user = credentials.partition(":")[0]
    shown = hosts or dict(parse_qsl(parts.query)).get("host", "its default host")
    return f"{user}@{shown}{parts.path}" if user else f"{shown}{parts.path}"


def sslmode(url: str) -> str:
    """What the URL asks of TLS; drivers take ``prefer`` where it says nothing."""
    return dict(parse_qsl(urlsplit(url).query)).get("sslmode", "prefer")


def _problems(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        _hosts(parts)
    except ValueError:
        yield (
            "expected is postgresql://user:password@host:port/database, "
            "with what is special in the password percent-encoded"
        )
        return
    if parts.scheme not in SCHEMES:
        yield f"it must begin with {SCHEMES[0]}://"
    yield from _tls_problems(dict(parse_qsl(parts.query)))


def _hosts(parts: SplitResult) -> None:
    """Raises ValueError for what is left of a password that was not encoded: it looks like a port, say."""
    if parts.fragment or "@" in parts.path:
        raise ValueError("an @ or # in the wrong place")
    for host in parts.netloc.rpartition("@")[2].split(","):
        _ = urlsplit(f"//{host}").port


def _tls_problems(query: Mapping[str, str]) -> Iterator[str]:
    mode = query.get("sslmode", "prefer")
    if mode not in UNCHECKED + CHECKING:
        yield f"sslmode={mode}: it must be one of {', '.join(UNCHECKED + CHECKING)}"
    elif mode in UNCHECKED:
        for name in FILES:
            if name in query:
                yield f"{name} is of no use with sslmode={mode}; use sslmode=verify-full"
    elif mode != "require" and "sslrootcert" not in query:
        yield f"sslmode={mode} needs sslrootcert, a PEM file with the authority to be trusted"
    else:
        yield from _file_problems(query)


def _file_problems(query: Mapping[str, str]) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority := query.get("sslrootcert"):
        yield from _unusable(f"sslrootcert={authority}", lambda: context.load_verify_locations(authority))
    certificate, key = query.get("sslcert"), query.get("sslkey")
    if certificate is None and key is not None:
        yield "sslkey is of no use without sslcert"
    if certificate is not None:
        names = f"sslcert={certificate}" + (f", sslkey={key}" if key else "")
        password = query.get("sslpassword", "")
        yield from _unusable(names, lambda: context.load_cert_chain(certificate, key, password))


def _unusable(names: str, load: Callable[[], None]) -> Iterator[str]:
    for named in names.split(", "):
        if not Path(named.partition("=")[2]).is_file():
            yield f"{named}: there is no such file"
            return
    try:
        load()
    except (OSError, ValueError) as error:
        yield f"{names}: {error}; PEM is expected"

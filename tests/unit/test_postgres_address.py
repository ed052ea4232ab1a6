"""A database's URL is refused when it cannot work or is less safe than it looks, and never shown whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from onenet_common.postgres_address import check, place
from tests.authority import Authority

PLAIN = "postgresql://onenet:secret@db:5432/onenet"


def refusal(url: str) -> str:
    with pytest.raises(ValueError, match=r".") as raised:
        check(url)
    assert "secret" not in str(raised.value)
    return str(raised.value)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        PLAIN,
        "postgres://db/onenet",
        "postgresql://onenet@one:5432,two:5433/onenet",
        "postgresql://onenet@/onenet?host=/run/postgresql",
        "postgresql://onenet:secret@[::1]:5432/onenet?application_name=x",
        f"{PLAIN}?sslmode=require",
    ],
)
def test_urls_that_lead_somewhere_are_taken(url: str) -> None:
    check(url)


def test_tls_is_taken_with_files_that_can_be_used(authority: Authority) -> None:
    certificate, key = authority.issue("client")
    trusted = f"{PLAIN}?sslmode=verify-full&sslrootcert={authority.ca_file}"
    check(trusted)
    check(f"{trusted}&sslcert={certificate}&sslkey={key}")


@pytest.mark.parametrize(
    ("url", "because"),
    [
        ("mysql://onenet:secret@db/onenet", "must begin with postgresql://"),
        ("postgresql://onenet:secret/word@db/onenet", "percent-encoded"),
        ("postgresql://onenet:secret#word@db/onenet", "percent-encoded"),
        ("postgresql://onenet:1/secret@db/onenet", "percent-encoded"),
        (f"{PLAIN}?sslmode=verify_full", "sslmode=verify_full: it must be one of disable, "),
        (f"{PLAIN}?sslrootcert=/ca.pem", "sslrootcert is of no use with sslmode=prefer; use sslmode=verify"),
        (f"{PLAIN}?sslmode=verify-full", "sslmode=verify-full needs sslrootcert"),
        (f"{PLAIN}?sslmode=require&sslrootcert=/no/ca", "sslrootcert=/no/ca: there is no such file"),
        (f"{PLAIN}?sslmode=require&sslkey=/nowhere/key.pem", "sslkey is of no use without sslcert"),
    ],
)  # fmt: skip
def test_what_cannot_work_or_is_not_as_safe_as_it_looks_is_refused(url: str, because: str) -> None:
    assert because in refusal(url)


def test_a_file_that_is_something_else_is_named(authority: Authority) -> None:
    certificate, _ = authority.issue("client")
    _, another = authority.issue("another")
    trusted = f"{PLAIN}?sslmode=verify-full&sslrootcert="
    assert f"sslrootcert={another}: " in refusal(f"{trusted}{another}")
    pair = f"sslcert={certificate}, sslkey={another}: "
    assert pair in refusal(f"{trusted}{authority.ca_file}&sslcert={certificate}&sslkey={another}")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (PLAIN, "onenet@db:5432/onenet"),
        ("postgresql://onenet:se@cret@db/onenet?password=secret", "onenet@db/onenet"),
        ("postgresql://onenet@one:1,two:2/onenet", "onenet@one:1,two:2/onenet"),
        ("postgresql://onenet@/onenet?host=/run/postgresql", "onenet@/run/postgresql/onenet"),
        ("postgresql://onenet:secret/word@db/onenet", "at a URL that is not valid"),
    ],
)
def test_where_it_is_can_be_told_without_the_password(url: str, shown: str) -> None:
    assert place(url) == shown

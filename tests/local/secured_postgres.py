"""PostgreSQL that lets users in over TLS alone; Debian's, since the wheel's server is built without it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from onenet_local.postgres import NAME, Postgres
from onenet_local.probes import HOST
from onenet_local.unprivileged import hand_over
from tests.authority import Authority

CERTIFIED = "certified"
"""A user who shows a certificate instead of a password."""

_ACCESS = f"""\
host    postgres  {NAME}       127.0.0.1/32  scram-sha-256
hostssl {NAME}    {NAME}       127.0.0.1/32  scram-sha-256
hostssl {NAME}    {CERTIFIED}  127.0.0.1/32  cert
"""


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


needs_postgres = pytest.mark.skipif(
    _programs() is None,
    reason="the wheel's PostgreSQL is built without TLS; on Debian: apt-get install postgresql",
)


class SecuredPostgres(Postgres):
    """Its certificate is for its address alone, not for ``localhost``.

    Args:
        authority: issues the server's certificate, and may issue those of clients.
    """

    def __init__(self, folder: Path, authority: Authority) -> None:
        self._authority = authority
        super().__init__(folder, fsync=False, programs=_programs(), locale=("--locale=C",))

    def url_with(self, query: str, *, user: str | None = None, host: str = HOST) -> str:
        """The database's, with what is said of TLS."""
        password = self.password_file.read_text().strip()
        credentials = user or f"{NAME}:{password}"
        return f"postgresql://{credentials}@{host}:{self.port}/{NAME}?{query}"

    async def prepare(self) -> None:
        await super().prepare()
        (self.data / "pg_hba.conf").write_text(_ACCESS)
        for file in (*self._authority.issue("postgres", HOST), self._authority.ca_file):
            copy = self.data / file.name
            shutil.copyfile(file, copy)
            copy.chmod(0o600)
            hand_over(copy)

    def _options(self) -> list[str]:
        names = {"cert": "postgres.pem", "key": "postgres.key", "ca": "ca.pem"}
        files = (f"ssl_{what}_file={self.data / name}" for what, name in names.items())
        return [*super()._options(), *(word for value in ("ssl=on", *files) for word in ("-c", value))]

"""TLS to PostgreSQL as every service and every migration uses it, and every way in which it is refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from onenet_common.database import Database
from onenet_common.errors import Transient
from onenet_local.unprivileged import temporary_folder
from onenet_monitor.main import MIGRATIONS
from tests.authority import Authority
from tests.local.secured_postgres import CERTIFIED, SecuredPostgres, needs_postgres

pytestmark = needs_postgres


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom nobody trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
async def server(authority: Authority) -> AsyncIterator[SecuredPostgres]:
    with temporary_folder() as folder:
        async with SecuredPostgres(folder, authority) as server:
            await _execute(server, f"CREATE ROLE {CERTIFIED} LOGIN")
            yield server


async def _execute(server: SecuredPostgres, statement: str) -> None:
    connection = await Database(server.url_with("sslmode=require"), schema="public").connect()
    await connection.execute(statement)
    await connection.close()


async def encrypted(url: str) -> bool:
    """Whether a service that starts on it, and so migrates, then talks over TLS."""
    database = Database(url, schema="monitor", migrations=MIGRATIONS)
    await asyncio.wait_for(database.start(), 30)
    try:
        async with database.acquire() as connection:
            return bool(await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
    finally:
        await database.stop()


async def refusal(url: str) -> str:
    """What a service says that cannot connect."""
    with pytest.raises(Transient) as raised:
        await Database(url, schema="monitor").connect()
    return raised.value.reason


async def run(program: str, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [str(Path(sys.executable).with_name(program)), *arguments],
        env={"ONENET_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
    )


async def test_a_service_migrates_and_works_on_a_server_whose_name_and_authority_it_checks(
    server: SecuredPostgres, authority: Authority
) -> None:
    assert await encrypted(server.url_with(f"sslmode=verify-full&sslrootcert={authority.ca_file}"))


async def test_the_command_migrates_over_tls(server: SecuredPostgres, authority: Authority) -> None:
    url = server.url_with(f"sslmode=verify-full&sslrootcert={authority.ca_file}")
    done = await run("onenet-provisioner", url, "migrate")
    assert (done.returncode, done.stderr) == (0, "")
    assert "schema provisioner is at" in done.stdout


async def test_a_client_may_show_a_certificate_instead_of_a_password(
    server: SecuredPostgres, authority: Authority
) -> None:
    certificate, key = authority.issue(CERTIFIED)
    trusted = f"sslmode=verify-full&sslrootcert={authority.ca_file}"
    url = server.url_with(f"{trusted}&sslcert={certificate}&sslkey={key}", user=CERTIFIED)
    connection = await Database(url, schema="public").connect()
    assert await connection.fetchval("SELECT current_user") == CERTIFIED
    await connection.close()
    said = await refusal(server.url_with(trusted, user=CERTIFIED))
    assert "does not let us in: " in said
    assert "certificate" in said


async def test_an_authority_that_did_not_issue_the_certificate_is_no_proof(
    server: SecuredPostgres, stranger: Authority
) -> None:
    for mode in ("verify-full", "verify-ca", "require"):
        url = server.url_with(f"sslmode={mode}&sslrootcert={stranger.ca_file}")
        assert f"onenet@127.0.0.1:{server.port}/onenet is not trusted: " in await refusal(url)


async def test_a_certificate_for_another_name_is_no_proof_unless_names_do_not_count(
    server: SecuredPostgres, authority: Authority
) -> None:
    trusted = f"sslrootcert={authority.ca_file}"
    said = await refusal(server.url_with(f"sslmode=verify-full&{trusted}", host="localhost"))
    assert "certificate is not valid for 'localhost'" in said
    assert await encrypted(server.url_with(f"sslmode=verify-ca&{trusted}", host="localhost"))


async def test_without_tls_nobody_is_let_in(server: SecuredPostgres) -> None:
    assert "does not let us in: no pg_hba.conf entry" in await refusal(server.url_with("sslmode=disable"))


async def test_a_command_that_is_kept_out_says_so_in_one_line_without_the_password(
    server: SecuredPostgres, stranger: Authority
) -> None:
    url = server.url_with(f"sslmode=verify-full&sslrootcert={stranger.ca_file}")
    done = await run("onenet-monitor", url, "migrate")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(
        f"onenet-monitor migrate: the database onenet@127.0.0.1:{server.port}/onenet is not trusted: "
    )
    assert server.password_file.read_text().strip() not in done.stderr


async def test_a_service_that_is_kept_out_waits_until_what_it_trusts_was_put_right(
    server: SecuredPostgres,
    authority: Authority,
    stranger: Authority,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(stranger.ca_file.read_bytes())
    starting = asyncio.create_task(encrypted(server.url_with(f"sslmode=verify-full&sslrootcert={trusted}")))
    said = ""
    while "is not trusted: " not in said:
        await asyncio.sleep(0.01)
        said += capsys.readouterr().out
    assert server.password_file.read_text().strip() not in said
    trusted.write_bytes(authority.ca_file.read_bytes())
    assert await starting

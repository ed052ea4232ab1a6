"""Signing in at the issuer of the local stack, and what is kept of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from onenet_client.profiles import Profile, Profiles
from tests.client.conftest import Run
from tests.client.fake_api import FakeApi

SECRET = "local-pipeline-secret"
ONENET = (sys.executable, "-c", "from onenet_client.cli import main; main()")


def stored(folder: Path, name: str = "default") -> Profile:
    profile = Profiles(folder).load(name)
    assert profile is not None
    return profile


def expire(folder: Path, **changes: object) -> Profile:
    """Have the stored token run out."""
    profile = stored(folder)
    spent = profile.grant.model_copy(update={"expires_at": 0.0, **changes})
    profile = profile.model_copy(update={"grant": spent})
    Profiles(folder).save("default", profile)
    return profile


def whoami(onenet: Run, **environment: str) -> str:
    result = onenet("whoami", user=None, **environment)
    assert result.code == 0, result.err
    return result.out.splitlines()[1].split()[0]


@pytest.mark.usefixtures("issuer")
def test_a_user_signs_in_without_a_browser_where_the_issuer_lets_him(onenet: Run, folder: Path) -> None:
    assert onenet("login", "--user", "alice", user=None).code == 0
    assert whoami(onenet) == "alice"
    [file] = (folder / "profiles").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.usefixtures("issuer")
def test_a_user_that_the_issuer_does_not_know_is_told_so(onenet: Run, folder: Path) -> None:
    result = onenet("login", "--user", "mallory", user=None)
    assert result.code == 3
    assert "mallory" in result.err
    assert not folder.exists()


@pytest.mark.usefixtures("issuer")
def test_a_browser_brings_the_code_back(onenet: Run, api: FakeApi, folder: Path) -> None:
    environment = {"ONENET_CLIENT_CONFIG": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    command = (*ONENET, "login", "--no-browser", "--url", api.url)
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        url = next(line.strip() for line in process.stderr if "/authorize?" in line)
        assert "code_challenge_method=S256" in url
        stranger = httpx.URL(httpx.URL(url).params["redirect_uri"])
        assert httpx.get(stranger.join("/favicon.ico")).status_code == 404
        assert httpx.get(f"{url}&login_hint=bob", follow_redirects=True).status_code == 200
        process.communicate()
    assert process.returncode == 0
    assert whoami(onenet) == "bob"


@pytest.mark.usefixtures("issuer")
def test_an_answer_to_somebody_elses_sign_in_is_refused(api: FakeApi, folder: Path) -> None:
    environment = {"ONENET_CLIENT_CONFIG": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    command = (*ONENET, "login", "--no-browser", "--url", api.url)
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        url = next(line.strip() for line in process.stderr if "/authorize?" in line)
        redirect = httpx.URL(url).params["redirect_uri"]
        httpx.get(redirect, params={"code": "stolen", "state": "guessed", "iss": api.issuer})
        process.communicate()
    assert process.returncode == 3
    assert not folder.exists()


@pytest.mark.usefixtures("issuer")
@pytest.mark.parametrize("way", ["environment", "prompt"])
def test_a_program_signs_in_with_a_secret_that_is_not_kept(onenet: Run, folder: Path, way: str) -> None:
    environment = {"ONENET_CLIENT_SECRET": SECRET} if way == "environment" else {}
    stdin = f"{SECRET}\n" if way == "prompt" else ""
    result = onenet("login", "--client-id", "pipeline", user=None, stdin=stdin, **environment)
    assert result.code == 0, result.err
    assert whoami(onenet) == "pipeline"
    assert SECRET not in (folder / "profiles" / "default.json").read_text()
    assert SECRET not in result.err + result.out


@pytest.mark.usefixtures("issuer")
def test_a_programs_token_is_renewed_only_with_its_secret(onenet: Run, folder: Path) -> None:
    onenet("login", "--client-id", "pipeline", user=None, ONENET_CLIENT_SECRET=SECRET)
    expire(folder)
    assert onenet("whoami", user=None).code == 3
    assert whoami(onenet, ONENET_CLIENT_SECRET=SECRET) == "pipeline"


@pytest.mark.usefixtures("issuer")
def test_a_wrong_secret_is_refused(onenet: Run) -> None:
    result = onenet("login", "--client-id", "pipeline", user=None, ONENET_CLIENT_SECRET="wrong")
    assert result.code == 3
    assert "invalid_client" in result.err


@pytest.mark.usefixtures("issuer")
def test_a_spent_token_is_renewed_and_the_new_one_kept(onenet: Run, folder: Path) -> None:
    onenet("login", "--user", "alice", user=None)
    spent = expire(folder)
    assert whoami(onenet) == "alice"
    renewed = stored(folder).grant
    assert renewed.refresh_token not in (None, spent.grant.refresh_token)
    assert whoami(onenet) == "alice"


@pytest.mark.usefixtures("issuer")
def test_a_sign_in_that_cannot_be_renewed_has_run_out(onenet: Run, folder: Path) -> None:
    onenet("login", "--user", "alice", user=None)
    for refresh_token in ("forged", None):
        expire(folder, refresh_token=refresh_token)
        result = onenet("whoami", user=None)
        assert result.code == 3
        assert "onenet login" in result.err


@pytest.mark.usefixtures("issuer")
def test_profiles_keep_several_users_apart(onenet: Run) -> None:
    onenet("login", "--user", "alice", user=None)
    onenet("--profile", "second", "login", "--user", "bob", user=None)
    assert whoami(onenet) == "alice"
    assert whoami(onenet, ONENET_CLIENT_PROFILE="second") == "bob"
    assert [line.split()[0] for line in onenet("profiles").out.splitlines()[1:]] == ["default", "second"]
    assert onenet("--profile", "../evil", "login", "--user", "bob", user=None).code == 2


@pytest.mark.usefixtures("issuer")
def test_a_token_is_never_sent_to_another_api(onenet: Run, api: FakeApi) -> None:
    onenet("login", "--user", "alice", user=None)
    calls = len(api.requests)
    elsewhere = api.url.replace("127.0.0.1", "localhost")
    result = onenet("whoami", user=None, ONENET_CLIENT_URL=elsewhere)
    assert result.code == 3
    assert len(api.requests) == calls


@pytest.mark.usefixtures("issuer")
def test_after_signing_out_nobody_is_signed_in(onenet: Run) -> None:
    onenet("login", "--user", "alice", user=None)
    assert onenet("logout", user=None).code == 0
    assert onenet("whoami", user=None).code == 3


def test_an_issuer_that_is_away_has_its_exit_code(onenet: Run) -> None:
    assert onenet("login", "--user", "alice", user=None).code == 6

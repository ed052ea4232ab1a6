"""A wrong environment stops the start with words that help, and shows no secret."""

from __future__ import annotations

import pytest
from pydantic import Field, SecretStr

from onenet_common.settings import Settings, known_names, load, unknown_names


class Demanding(Settings):
    where: str = Field(validation_alias="ONENET_TEST_WHERE")


class Example(Settings):
    token: SecretStr | None = Field(default=None, min_length=20, validation_alias="ONENET_TEST_TOKEN")
    size: int = Field(default=1, ge=1, validation_alias="ONENET_TEST_SIZE")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in known_names(Example):
        monkeypatch.delenv(name, raising=False)


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        load(Example, "TEST")
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_settings_come_from_shared_and_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONENET_KAFKA", "broker:1234")
    monkeypatch.setenv("ONENET_TEST_SIZE", "7")
    loaded = load(Example, "TEST")
    assert (loaded.kafka, loaded.size) == ("broker:1234", 7)


@pytest.mark.parametrize(
    ("name", "meant"), [("ONENET_KAFFKA", "ONENET_KAFKA"), ("ONENET_TEST_SIZES", "ONENET_TEST_SIZE")]
)
def test_a_misspelt_name_ends_with_the_one_that_was_meant(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "1")
    assert f"{name}: no such setting; did you mean {meant}?\n" in refusal(capsys)


def test_a_name_like_no_other_ends_with_all_that_are_known() -> None:
    [problem] = unknown_names(["ONENET_ZZZZZZZZZZ"], ["ONENET_KAFKA", "ONENET_A"], "TEST")
    assert problem.endswith("known are: ONENET_A, ONENET_KAFKA")


def test_names_of_other_services_are_theirs_to_check() -> None:
    theirs = ["ONENET_API_HOST", "ONENET_PROVISIONER_NONSENSE", "PATH", "ONENETTE"]
    assert list(unknown_names(theirs, known_names(Example), "TEST")) == []
    assert list(unknown_names(["ONENET_TEST_X"], known_names(Example), "TEST"))


def test_every_wrong_value_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONENET_TEST_SIZE", "zero")
    monkeypatch.setenv("ONENET_LOG_LEVEL", "LOUD")
    told = refusal(capsys)
    assert "ONENET_TEST_SIZE: 'zero' is not valid" in told
    assert "ONENET_LOG_LEVEL: 'LOUD' is not valid" in told


def test_a_secret_that_is_wrong_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONENET_TEST_TOKEN", "hunter2")
    told = refusal(capsys)
    assert "ONENET_TEST_TOKEN: is not valid" in told
    assert "hunter2" not in told


def test_a_missing_setting_is_named_and_shows_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONENET_DATABASE_URL", "postgresql://u:hunter2@h/d")
    with pytest.raises(SystemExit) as ended:
        load(Demanding, "TEST")
    assert ended.value.code == 2
    assert capsys.readouterr().err == "ONENET_TEST_WHERE: is missing; it has no default\n"


def test_a_secret_is_not_shown_with_the_settings() -> None:
    assert "hunter2" not in repr(Settings(database_url=SecretStr("postgresql://u:hunter2@h/d")))

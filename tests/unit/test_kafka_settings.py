"""Half-filled access to Kafka ends the start with the name of what is missing, and shows no secret."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from onenet_common.settings import Settings, known_names, load
from tests.authority import Authority

PASSWORD = "hunter2-hunter2"
SIGN_IN = {
    "SECURITY_PROTOCOL": "SASL_SSL",
    "USER": "onenet",
    "PASSWORD": PASSWORD,
}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in known_names(Settings):
        monkeypatch.delenv(name, raising=False)


def give(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"ONENET_KAFKA_{name}", value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"SECURITY_PROTOCOL": "SASL_SSL"},
            "ONENET_KAFKA_USER: ONENET_KAFKA_SECURITY_PROTOCOL=SASL_SSL needs",
        ),
        (
            {"SECURITY_PROTOCOL": "SASL_SSL", "USER": "onenet"},
            "ONENET_KAFKA_PASSWORD: ONENET_KAFKA_SECURITY_PROTOCOL=SASL_SSL needs it",
        ),
        (
            {"PASSWORD": PASSWORD},
            "ONENET_KAFKA_PASSWORD: ONENET_KAFKA_SECURITY_PROTOCOL=PLAINTEXT signs nobody in",
        ),
        ({"SECURITY_PROTOCOL": "TLS"}, "ONENET_KAFKA_SECURITY_PROTOCOL: 'TLS' is not valid"),
        (SIGN_IN | {"SASL_MECHANISM": "MD5"}, "ONENET_KAFKA_SASL_MECHANISM: 'MD5' is not valid"),
        (SIGN_IN | {"CA_FILE": "/no/such/file"}, "ONENET_KAFKA_CA_FILE: '/no/such/file' is not valid"),
        (SIGN_IN | {"CA_FILE": __file__}, "ONENET_KAFKA_CA_FILE: "),
        (
            {"CA_FILE": __file__},
            "ONENET_KAFKA_CA_FILE: ONENET_KAFKA_SECURITY_PROTOCOL=PLAINTEXT does not encrypt",
        ),
        (
            {"SECURITY_PROTOCOL": "SSL", "CERTIFICATE_FILE": __file__},
            "ONENET_KAFKA_KEY_FILE: ONENET_KAFKA_CERTIFICATE_FILE is set",
        ),
        (
            {"SECURITY_PROTOCOL": "SSL", "KEY_FILE": __file__},
            "ONENET_KAFKA_CERTIFICATE_FILE: ONENET_KAFKA_KEY_FILE is set",
        ),
    ],
)
def test_a_slip_is_named(
    given: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, given)
    with pytest.raises(SystemExit) as ended:
        load(Settings, "TEST")
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(told)
    assert PASSWORD not in said


def test_a_key_of_another_certificate_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority(tmp_path)
    certificate, _ = authority.issue("api")
    _, key = authority.issue("monitor")
    files = {"CERTIFICATE_FILE": str(certificate), "KEY_FILE": str(key)}
    give(monkeypatch, {"SECURITY_PROTOCOL": "SSL"} | files)
    with pytest.raises(SystemExit):
        load(Settings, "TEST")
    said = capsys.readouterr().err
    assert said.startswith("ONENET_KAFKA_CERTIFICATE_FILE, ONENET_KAFKA_KEY_FILE: ")


def test_the_brokers_certificate_and_name_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, SIGN_IN | {"CA_FILE": str(Authority(tmp_path).ca_file)})
    settings = load(Settings, "TEST")
    access = settings.kafka_access()
    assert access["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert access["ssl_context"].check_hostname
    assert access["sasl_plain_password"] == PASSWORD
    assert PASSWORD not in repr(settings)

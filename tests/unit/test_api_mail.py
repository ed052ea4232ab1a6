"""Mail, the pure parts: when something is due, and that no text of others makes a header."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic import ValidationError

from onenet_api.mail.digest import Line, compose
from onenet_api.mail.preferences import Choice, Preferences, When
from onenet_api.settings import ApiSettings

AT = datetime(2026, 11, 25, 6, 20, tzinfo=UTC)
KIND = "onenet.connection.failed.v1"


@pytest.mark.parametrize(
    ("when", "at", "due"),
    [
        (When.IMMEDIATELY, AT, AT),
        (When.HOURLY, AT, datetime(2026, 11, 25, 7, tzinfo=UTC)),
        (When.DAILY, AT, datetime(2026, 11, 25, 7, tzinfo=UTC)),
        (When.DAILY, AT.replace(hour=7), datetime(2026, 11, 26, 7, tzinfo=UTC)),
        (When.OFF, AT, None),
    ],
)
def test_an_event_is_due_when_its_reader_wants_it(when: When, at: datetime, due: datetime | None) -> None:
    assert Choice(when=when).due(KIND, at) == due
    assert Choice(when=when, types=["connection.deleted"]).due(KIND, at) is None


def test_a_service_of_its_own_choice_goes_before_everything() -> None:
    one = uuid4()
    chosen = Preferences(everything=Choice(when=When.DAILY), services={one: Choice(when=When.OFF)})
    assert (chosen.of(one).when, chosen.of(uuid4()).when) == (When.OFF, When.DAILY)


def test_what_others_wrote_makes_no_header_and_no_line() -> None:
    line = Line(1, uuid4(), AT, "a\r\nBcc: eve@example.com", "failed", "no\r\n\r\nfake: x\u2028y")
    mail = compose("onenet@example.com", "alice@example.com", [line], AT)
    assert mail["Bcc"] is None
    assert mail.get_content().splitlines()[0].endswith("fake: x y")


def test_the_same_mail_has_the_same_message_id() -> None:
    line = Line(1, uuid4(), AT, "a", "b", "c")
    first, again = (compose("onenet@example.com", "alice@example.com", [line], AT) for _ in range(2))
    other = compose("onenet@example.com", "bob@example.com", [line], AT)
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]


def test_a_password_that_would_go_in_the_clear_stops_the_start() -> None:
    told = {"api_oidc_issuer": "https://issuer", "api_smtp_password": "secret"}
    for security in ("starttls", "tls"):
        ApiSettings.model_validate({**told, "api_smtp_security": security})
    with pytest.raises(ValidationError, match="would be sent in the clear"):
        ApiSettings.model_validate({**told, "api_smtp_security": "none"})

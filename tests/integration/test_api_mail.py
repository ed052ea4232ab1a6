"""Mail: owners get what they chose, when they chose, from a real SMTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from onenet_api.findings.views import FindingState
from onenet_api.mail import worker
from onenet_api.mail.smtp import Smtp
from onenet_api.mail.worker import Mailer
from onenet_local.probes import free_port
from tests.integration import finding_events
from tests.integration.api_scene import Owner, Scene
from tests.integration.test_api_webhooks import agreed, delayed, happen, mark

PATH = "/v1/me/mail"
NOW = {"everything": {"when": "immediately"}}


@dataclass
class Mailbox:
    """What a server took; ``answers`` are given instead of taking, one after the other."""

    answers: list[str] = field(default_factory=list)
    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        if self.answers:
            return self.answers.pop(0)
        mail = message_from_bytes(envelope.content, policy=policy.default)  # type: ignore[arg-type]  # bytes here
        assert isinstance(mail, EmailMessage)
        self.taken.append(mail)
        self.recipients += envelope.rcpt_tos
        return "250 taken"


@pytest.fixture(scope="module")
async def api(postgres_url: str) -> AsyncIterator[Scene]:
    scene = Scene(postgres_url, schema="api_mail")
    await scene.start()
    yield scene
    await scene.stop()


@pytest.fixture
async def lena(api: Scene) -> Owner:
    await api.clear()
    owner = await api.owner("lena", {"vpc-1": ["10.1.0.0/16"], "vpc-3": ["10.3.0.0/16"]})
    owner.http.headers["Authorization"] = f"Bearer {api.issuer.token('lena', email='lena@example.com')}"
    return owner


@pytest.fixture
async def ravi(api: Scene, lena: Owner) -> Owner:
    return await api.owner("ravi", {"vpc-2": ["10.2.0.0/16"]})


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def mailer(api: Scene, mailbox: Mailbox) -> Any:
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield Mailer(api.database, Smtp("127.0.0.1", port, "none"), "onenet@example.com")
    controller.stop()


async def choose(owner: Owner, chosen: dict[str, Any]) -> None:
    answer = await owner.http.put(PATH, json=chosen)
    assert answer.status_code == 200, answer.text
    assert (await owner.http.get(PATH)).json()["address"] == "lena@example.com"


async def waiting(api: Scene) -> int:
    async with api.database.acquire() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM mail_lines"))


async def test_what_is_due_is_one_mail_to_the_address_of_the_token(
    api: Scene, lena: Owner, ravi: Owner, mailbox: Mailbox, mailer: Mailer
) -> None:
    connection = await agreed(lena, ravi)
    await choose(lena, NOW)
    await happen(api, delayed(connection, 1), delayed(connection, 2))
    await mailer.send_due()
    await mailer.send_due()
    [mail] = mailbox.taken
    assert mailbox.recipients == ["lena@example.com"]
    assert (mail["From"], mail["Auto-Submitted"]) == ("onenet@example.com", "auto-generated")
    first, second = [line for line in mail.get_content().splitlines() if "reason" in line]
    assert "reason 1" in first
    assert "reason 2" in second
    assert await waiting(api) == 0


async def test_a_finding_is_told_by_its_kind_to_who_chose_it_unless_it_is_muted(
    api: Scene, lena: Owner, ravi: Owner, mailbox: Mailbox, mailer: Mailer
) -> None:
    connection = await agreed(lena, ravi)
    await choose(lena, {"everything": {"when": "immediately", "types": ["finding.opened"]}})
    ends = (lena.resources[0], ravi.resources[0])
    muted = uuid4()
    await mark(api, muted, FindingState.MUTED)
    await happen(api, finding_events.opened(muted, *ends))
    await happen(api, delayed(connection, 1), finding_events.opened(uuid4(), *ends))
    await mailer.send_due()
    [mail] = mailbox.taken
    assert mail["Subject"].strip() == f"OneNet: cleartext: {finding_events.SUMMARY}"
    assert "finding.opened" in mail.get_content()


async def test_a_digest_waits_for_its_time(
    api: Scene, lena: Owner, ravi: Owner, mailbox: Mailbox, mailer: Mailer
) -> None:
    connection = await agreed(lena, ravi)
    await choose(lena, {"everything": {"when": "hourly"}})
    for number in range(3):
        await happen(api, delayed(connection, number))
        await mailer.send_due()
    assert (mailbox.taken, await waiting(api)) == ([], 3)
    async with api.database.acquire() as database:
        await database.execute("UPDATE mail_lines SET due_at = now()")
    await mailer.send_due()
    [mail] = mailbox.taken
    assert mail["Subject"].startswith("OneNet: 3 events")


async def test_who_does_not_want_it_or_does_not_own_it_gets_no_mail(
    api: Scene, lena: Owner, ravi: Owner, mailbox: Mailbox, mailer: Mailer
) -> None:
    connection = await agreed(lena, ravi)
    off = {"services": {lena.service: {"when": "off"}}}
    wrong_type = {"everything": {"when": "immediately", "types": ["connection.deleted"]}}
    for chosen in (NOW | off, wrong_type):
        await choose(lena, chosen)
        await happen(api, delayed(connection, 1))
    await choose(lena, NOW)
    await lena.http.patch(f"/v1/services/{lena.service}", json={"owners": ["somebody"]})
    await happen(api, delayed(connection, 1))
    await mailer.send_due()
    assert mailbox.taken == []


async def test_a_server_that_is_busy_is_tried_again_and_one_that_refuses_is_not(
    api: Scene, lena: Owner, ravi: Owner, mailbox: Mailbox, mailer: Mailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "pause", lambda _: 0.0001)
    connection = await agreed(lena, ravi)
    await choose(lena, NOW)
    await happen(api, delayed(connection, 1))
    mailbox.answers = ["451 later", "451 later"]
    for _ in range(3):
        await mailer.send_due()
    assert (len(mailbox.taken), await waiting(api)) == (1, 0)
    await happen(api, delayed(connection, 2))
    mailbox.answers = ["550 never"]
    await mailer.send_due()
    await mailer.send_due()
    assert (len(mailbox.taken), await waiting(api)) == (1, 0)


async def test_a_server_that_is_away_keeps_the_mail_for_a_day(api: Scene, lena: Owner, ravi: Owner) -> None:
    away = Mailer(api.database, Smtp("127.0.0.1", 1, "none", timeout=1), "onenet@example.com")
    connection = await agreed(lena, ravi)
    await choose(lena, NOW)
    await happen(api, delayed(connection, 1))
    await away.send_due()
    assert await waiting(api) == 1
    async with api.database.acquire() as database:
        await database.execute("UPDATE mail_lines SET due_at = now() - interval '25 hours'")
        await database.execute("UPDATE mail_recipients SET leased_until = NULL")
    await away.send_due()
    assert await waiting(api) == 0


@pytest.mark.parametrize(
    "claims", [{}, {"email": "lena@example.com", "email_verified": False}, {"email": "a\nb@c"}]
)
async def test_mail_goes_to_no_address_that_the_issuer_does_not_vouch_for(
    api: Scene, lena: Owner, claims: dict[str, Any]
) -> None:
    lena.http.headers["Authorization"] = f"Bearer {api.issuer.token('lena', **claims)}"
    answer = await lena.http.put(PATH, json=NOW)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:onenet:problem:no-address")

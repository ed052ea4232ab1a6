"""A mail, put together from what is due. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import UUID, uuid5

MAILS = UUID("6a6a0c86-9c1f-4d0a-8d7e-3a4b0a1d5f10")
LONGEST_SUBJECT = 150
FOOTER = "You chose to get this mail; PUT /v1/me/mail changes that."


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a mail."""

    seq: int
    event_id: UUID
    time: datetime
    about: str
    kind: str
    summary: str


def compose(sender: str, recipient: str, lines: Sequence[Line], now: datetime) -> EmailMessage:
    """A mail with these events. Sent again it has the same Message-ID, by which mailboxes know it."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = _one_line(_subject(lines))[:LONGEST_SUBJECT]
    mail["Date"] = format_datetime(now)
    identity = uuid5(MAILS, f"{recipient} {' '.join(str(line.event_id) for line in lines)}")
    mail["Message-ID"] = f"<{identity}@{sender.rpartition('@')[2].rstrip('>')}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join([*map(_text, lines), "", FOOTER, ""]))
    return mail


def _subject(lines: Sequence[Line]) -> str:
    if len(lines) == 1:
        return f"OneNet: {lines[0].about}: {lines[0].summary}"
    return f"OneNet: {len(lines)} events, the last of {lines[-1].about}"


def _text(line: Line) -> str:
    return _one_line(f"{line.time:%Y-%m-%d %H:%M:%S} UTC  {line.about}  {line.kind}  {line.summary}")


def _one_line(text: str) -> str:
    """What others wrote makes no further line or header."""
    return "".join(character if character.isprintable() else " " for character in text)

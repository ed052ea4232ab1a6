"""How owners are told: webhooks and mail."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from onenet_client.models.shapes import Model


class Webhook(Model):
    """``secret`` is what deliveries are signed with; it is in the answer to who makes or rotates it, once."""

    id: UUID
    service: UUID
    url: str
    description: str = ""
    types: tuple[str, ...] = ()
    enabled: bool = True
    disabled_reason: str | None = None
    previous_until: datetime | None = None
    waiting: int = 0
    created_by: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0
    secret: str | None = None

    @property
    def name(self) -> str:
        """What it is called where several are told apart."""
        return self.url


class Attempt(Model):
    """One try to deliver; ``status`` is the response's, None when there was none."""

    id: UUID
    time: datetime
    event_id: UUID
    type: str
    number: int = 1
    outcome: str
    status: int | None = None
    error: str = ""
    milliseconds: int = 0


class Replayed(Model):
    """How many deliveries a replay makes."""

    deliveries: int


class MailChoice(Model):
    """``when``: immediately, hourly, daily or off; of all events when ``types`` is empty."""

    when: str = "off"
    types: tuple[str, ...] = ()


class MailPreferences(Model):
    """``services`` are told otherwise than ``everything``; ``address`` is the access token's."""

    address: str | None = None
    everything: MailChoice = MailChoice()
    services: dict[UUID, MailChoice] = Field(default_factory=dict)

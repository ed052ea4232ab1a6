"""Webhooks, what waits for them, and what was tried."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """
CREATE TABLE IF NOT EXISTS webhooks (
    id UUID NOT NULL,
    service UUID NOT NULL,
    url VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    types TEXT[] NOT NULL,
    secret VARCHAR NOT NULL,
    previous_secret TEXT,
    previous_until TIMESTAMP WITH TIME ZONE,
    enabled BOOLEAN DEFAULT true NOT NULL,
    disabled_reason TEXT,
    created_by VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(service) REFERENCES services (id) ON DELETE CASCADE
)
""",
    """
CREATE INDEX IF NOT EXISTS ix_webhooks_service ON webhooks (service)
""",
    """
CREATE TABLE IF NOT EXISTS deliveries (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    webhook UUID NOT NULL,
    event_id UUID NOT NULL,
    subject UUID NOT NULL,
    type VARCHAR NOT NULL,
    time TIMESTAMP WITH TIME ZONE NOT NULL,
    body VARCHAR NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    first_attempt_at TIMESTAMP WITH TIME ZONE,
    leased_until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (seq),
    FOREIGN KEY(webhook) REFERENCES webhooks (id) ON DELETE CASCADE
)
""",
    """
CREATE INDEX IF NOT EXISTS deliveries_in_order ON deliveries (webhook, subject, seq)
""",
    """
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at, seq)
""",
    """
CREATE TABLE IF NOT EXISTS webhook_attempts (
    id UUID NOT NULL,
    webhook UUID NOT NULL,
    event_id UUID NOT NULL,
    type VARCHAR NOT NULL,
    time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    number INTEGER NOT NULL,
    outcome VARCHAR NOT NULL,
    status INTEGER,
    error VARCHAR NOT NULL,
    milliseconds INTEGER NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(webhook) REFERENCES webhooks (id) ON DELETE CASCADE
)
""",
    """
CREATE INDEX IF NOT EXISTS webhook_attempts_of_webhook ON webhook_attempts (webhook, time, id)
""",
    """
CREATE INDEX IF NOT EXISTS webhook_attempts_time ON webhook_attempts (time)
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

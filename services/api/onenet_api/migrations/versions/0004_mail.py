"""Who is told by mail, and what waits to be told."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    """
CREATE TABLE IF NOT EXISTS mail_recipients (
    name TEXT NOT NULL,
    principals TEXT[] NOT NULL,
    address VARCHAR NOT NULL,
    preferences JSONB NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    leased_until TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (name)
)
""",
    """
CREATE INDEX IF NOT EXISTS mail_recipients_principals ON mail_recipients USING gin (principals)
""",
    """
CREATE TABLE IF NOT EXISTS mail_lines (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    recipient TEXT NOT NULL,
    event_id UUID NOT NULL,
    time TIMESTAMP WITH TIME ZONE NOT NULL,
    about VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    summary VARCHAR NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (seq),
    FOREIGN KEY(recipient) REFERENCES mail_recipients (name) ON DELETE CASCADE
)
""",
    """
CREATE INDEX IF NOT EXISTS mail_lines_of_recipient ON mail_lines (recipient, due_at)
""",
    """
CREATE INDEX IF NOT EXISTS mail_lines_due ON mail_lines (due_at)
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

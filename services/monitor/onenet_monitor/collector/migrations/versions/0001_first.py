"""The files that were read, beside what every schema has."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
CREATE TABLE IF NOT EXISTS outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    headers jsonb NOT NULL,
    value bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
)
""",
    """
CREATE TABLE IF NOT EXISTS inbox (
    event_id uuid NOT NULL,
    consumer text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, consumer)
)
""",
    """
CREATE INDEX IF NOT EXISTS inbox_received_at ON inbox (received_at)
""",
    """
CREATE TABLE IF NOT EXISTS files (
    id UUID NOT NULL,
    bucket VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    etag VARCHAR NOT NULL,
    exporter VARCHAR NOT NULL,
    chunks INTEGER DEFAULT 0 NOT NULL,
    outcome VARCHAR,
    touched_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (id)
)
""",
    """
CREATE INDEX IF NOT EXISTS ix_files_touched_at ON files (touched_at)
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

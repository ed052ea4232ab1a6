"""The schema that services made before there were migrations.

What such a service made is left as it is, which adopts its schema.
"""

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
CREATE TABLE IF NOT EXISTS standings (
    connection_id UUID NOT NULL,
    generation INTEGER NOT NULL,
    state VARCHAR NOT NULL,
    ctype VARCHAR,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    stands BOOLEAN NOT NULL,
    PRIMARY KEY (connection_id)
)
""",
    """
CREATE TABLE IF NOT EXISTS verdicts (
    connection_id UUID NOT NULL,
    generation INTEGER NOT NULL,
    health VARCHAR NOT NULL,
    candidate VARCHAR NOT NULL,
    streak INTEGER NOT NULL,
    reasons JSONB NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    sampled_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (connection_id)
)
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

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
CREATE TABLE IF NOT EXISTS links (
    connection_id UUID NOT NULL,
    generation INTEGER NOT NULL,
    ctype VARCHAR,
    phase VARCHAR NOT NULL,
    wish JSONB NOT NULL,
    standing JSONB,
    details JSONB NOT NULL,
    failure JSONB,
    drifted BOOLEAN NOT NULL,
    announce BOOLEAN NOT NULL,
    attempts INTEGER NOT NULL,
    reason VARCHAR,
    due_at TIMESTAMP WITH TIME ZONE,
    deadline_at TIMESTAMP WITH TIME ZONE NOT NULL,
    lease UUID,
    leased_until TIMESTAMP WITH TIME ZONE,
    trace JSONB NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (connection_id)
)
""",
    """
CREATE INDEX IF NOT EXISTS links_due ON links (due_at) WHERE due_at IS NOT NULL
""",
    """
CREATE TABLE IF NOT EXISTS providers (
    provider_id UUID NOT NULL,
    provider JSONB NOT NULL,
    announce BOOLEAN NOT NULL,
    attempts INTEGER NOT NULL,
    reason VARCHAR,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    lease UUID,
    leased_until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (provider_id)
)
""",
    """
CREATE TABLE IF NOT EXISTS resources (
    resource_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    resource JSONB NOT NULL,
    PRIMARY KEY (resource_id)
)
""",
    """
CREATE INDEX IF NOT EXISTS ix_resources_provider_id ON resources (provider_id)
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

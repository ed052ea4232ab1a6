"""Replays of dead letters are noted, and what is old is found by its time."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    """
ALTER TABLE connections ADD COLUMN IF NOT EXISTS traceparent VARCHAR DEFAULT '' NOT NULL
""",
    """
CREATE TABLE IF NOT EXISTS replays (
    id UUID NOT NULL,
    letter VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    replayed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (id)
)
""",
    """
CREATE INDEX IF NOT EXISTS timeline_time ON timeline (time)
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

"""Owners acknowledge and mute findings."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    """
CREATE TABLE IF NOT EXISTS finding_marks (
    finding UUID NOT NULL,
    state VARCHAR NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    note VARCHAR NOT NULL,
    marked_by VARCHAR NOT NULL,
    marked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (finding)
)
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

"""Who may read which reason of a connection."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    """
ALTER TABLE connections ADD COLUMN IF NOT EXISTS reasons_told JSONB DEFAULT '{}' NOT NULL
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

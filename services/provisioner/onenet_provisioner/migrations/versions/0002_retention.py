"""Tombstones of links are found by their age."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    """
CREATE INDEX IF NOT EXISTS links_ended ON links (updated_at) WHERE phase = 'ENDED'
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

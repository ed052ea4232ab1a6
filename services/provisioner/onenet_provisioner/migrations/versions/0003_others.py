"""A change of ctype remembers the path by the former one until it is removed."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """
ALTER TABLE links ADD COLUMN IF NOT EXISTS others JSONB DEFAULT '[]'::jsonb NOT NULL
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

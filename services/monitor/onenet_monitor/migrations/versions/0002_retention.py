"""When a standing came to its end is known, and what is old is found by it."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    """
ALTER TABLE standings ADD COLUMN IF NOT EXISTS moved_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL
""",
    """
CREATE INDEX IF NOT EXISTS standings_ended ON standings (moved_at)
WHERE state IN ('DELETED', 'FAILED', 'PLANNED', 'REJECTED')
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

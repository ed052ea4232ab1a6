"""Who may read which reason of a connection."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    """
ALTER TABLE connections ADD COLUMN IF NOT EXISTS reasons_told JSONB DEFAULT '{}' NOT NULL
""",
    # A refusal by an owner, or an evaluation without a provider's words, is for both sides.
    """
UPDATE connections SET reasons_told = jsonb_build_object('left', reasons, 'right', reasons)
WHERE state = 'REJECTED' AND refused_paths = '[]' AND reasons_told = '{}'
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

"""Verdicts of several sources, the periods between their changes, and the views that others read.

Verdicts from before are taken as what their one source, the watchdog, had said.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    """
ALTER TABLE verdicts
    ADD COLUMN IF NOT EXISTS sources JSONB DEFAULT '{}'::jsonb NOT NULL,
    ADD COLUMN IF NOT EXISTS judged_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    ADD COLUMN IF NOT EXISTS held_until TIMESTAMP WITH TIME ZONE,
    ADD COLUMN IF NOT EXISTS due_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN IF NOT EXISTS known_until TIMESTAMP WITH TIME ZONE
""",
    """
CREATE INDEX IF NOT EXISTS verdicts_due_at ON verdicts (due_at)
""",
    """
CREATE TABLE IF NOT EXISTS health_periods (
    connection_id UUID NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    health VARCHAR NOT NULL,
    PRIMARY KEY (connection_id, since)
)
""",
    """
CREATE INDEX IF NOT EXISTS health_periods_past ON health_periods (until) WHERE until IS NOT NULL
""",
    """
CREATE UNIQUE INDEX IF NOT EXISTS health_periods_open ON health_periods (connection_id) WHERE until IS NULL
""",
    """
UPDATE verdicts SET
    judged_at = sampled_at,
    due_at = sampled_at + interval '5 minutes',
    known_until = sampled_at + interval '5 minutes',
    sources = jsonb_build_object('control-plane', jsonb_build_object(
        'health', health, 'since', since, 'recent', jsonb_build_array(health), 'reasons', reasons,
        'sides', jsonb_build_array(), 'at', sampled_at, 'silent_at', sampled_at + interval '5 minutes'))
WHERE sources = '{}'
""",
    """
INSERT INTO health_periods (connection_id, since, health)
SELECT connection_id, since, health FROM verdicts
ON CONFLICT DO NOTHING
""",
    # Nobody may be there to judge: what is held to be true is told no longer than it is known.
    """
CREATE OR REPLACE VIEW connection_health AS
SELECT connection_id, generation,
    CASE WHEN known_until <= now() THEN 'UNKNOWN' ELSE health END AS health,
    CASE WHEN known_until <= now() THEN known_until ELSE since END AS since,
    CASE WHEN known_until <= now() THEN jsonb_build_array('nothing heard since '
        || (to_jsonb(date_trunc('second', sampled_at AT TIME ZONE 'UTC')) #>> '{}') || 'Z')
        ELSE reasons END AS reasons,
    sources, sampled_at, judged_at
FROM verdicts
""",
    """
CREATE OR REPLACE VIEW connection_availability AS
WITH told AS (
    SELECT p.connection_id, p.health, p.since, coalesce(p.until, least(now(), v.known_until), now()) AS until
    FROM health_periods p LEFT JOIN verdicts v ON v.connection_id = p.connection_id AND p.until IS NULL
    WHERE p.until IS NOT NULL OR v.connection_id IS NOT NULL
    UNION ALL
    SELECT p.connection_id, 'UNKNOWN', v.known_until, now()
    FROM health_periods p JOIN verdicts v ON v.connection_id = p.connection_id
    WHERE p.until IS NULL AND v.known_until < now()
),
monthly AS (
    SELECT connection_id, health, month::date AS month, extract(epoch FROM
        least(until, (month + interval '1 month') AT TIME ZONE 'UTC')
        - greatest(since, month AT TIME ZONE 'UTC')) AS seconds
    FROM told, generate_series(date_trunc('month', since AT TIME ZONE 'UTC'),
        until AT TIME ZONE 'UTC', interval '1 month') AS month
    WHERE until > since AND month AT TIME ZONE 'UTC' < until
)
SELECT connection_id, month,
    coalesce(sum(seconds) FILTER (WHERE health IN ('UP', 'DEGRADED')), 0) AS available_seconds,
    coalesce(sum(seconds) FILTER (WHERE health = 'DEGRADED'), 0) AS degraded_seconds,
    coalesce(sum(seconds) FILTER (WHERE health = 'DOWN'), 0) AS down_seconds,
    coalesce(sum(seconds) FILTER (WHERE health = 'UNKNOWN'), 0) AS unknown_seconds
FROM monthly
GROUP BY connection_id, month
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

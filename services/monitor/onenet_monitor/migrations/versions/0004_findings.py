"""Findings, what they are drawn from, and the views that other services may read."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = (
    """
CREATE TABLE IF NOT EXISTS findings (
    id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    summary VARCHAR NOT NULL,
    remedy VARCHAR NOT NULL,
    resources UUID[] NOT NULL,
    connection UUID,
    evidence JSONB NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
)
""",
    "CREATE INDEX IF NOT EXISTS findings_open ON findings (id) WHERE closed_at IS NULL",
    "CREATE INDEX IF NOT EXISTS findings_closed ON findings (closed_at) WHERE closed_at IS NOT NULL",
    """
CREATE TABLE IF NOT EXISTS path_terms (
    connection_id UUID NOT NULL,
    generation INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    l4filters JSONB NOT NULL,
    monthly_gb FLOAT NOT NULL,
    encrypted BOOLEAN,
    bandwidth_mbps FLOAT,
    price_per_gb_usd FLOAT,
    monthly_fixed_usd FLOAT,
    PRIMARY KEY (connection_id)
)
""",
    """
CREATE TABLE IF NOT EXISTS network_names (
    resource_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    PRIMARY KEY (resource_id)
)
""",
)


def _seen(unit: str) -> str:
    """Traffic once: where both ends log, what the sender's network saw counts."""
    return f"""
CREATE OR REPLACE VIEW seen_{unit}s AS
SELECT kind, connection, since, source, target, protocol, port, reply, accepted, bytes, packets, flows FROM (
    SELECT *, {unit} AS since, bool_or(observer = 'source') OVER (
        PARTITION BY connection, {unit}, kind, source, target, accepted
    ) AS by_sender
    FROM flow_{unit}s
) traffic WHERE (observer = 'source') = by_sender
"""


def _traffic(unit: str) -> str:
    """The contract: what connections carried."""
    return f"""
CREATE OR REPLACE VIEW traffic_{unit}s AS
SELECT connection, since, source, target, protocol, port, reply, accepted, bytes, packets, flows
FROM seen_{unit}s WHERE kind = 'connection'
"""


def _amount(name: str) -> str:
    """Both directions; of each, what the end saw that saw more of it."""
    directions = (
        f"greatest(coalesce(sum({name}) FILTER (WHERE {which} AND observer = 'source'), 0), "
        f"coalesce(sum({name}) FILTER (WHERE {which} AND observer = 'target'), 0))"
        for which in ("NOT reply", "reply")
    )
    return f"({' + '.join(directions)})::int8 AS {name}"


DEPENDENCIES = f"""
CREATE OR REPLACE VIEW service_dependencies AS
SELECT md5(concat_ws(
    ' ', kind, coalesce(connection::text, '-'), coalesce(client::text, '-'), coalesce(server::text, '-'),
    protocol, port
))::uuid AS id, * FROM (
    SELECT kind, connection, CASE WHEN reply THEN target ELSE source END AS client,
        CASE WHEN reply THEN source ELSE target END AS server, protocol, port,
        min(first_seen) AS first_seen, max(last_seen) AS last_seen,
        {_amount("bytes")}, {_amount("packets")}, {_amount("flows")}
    FROM dependencies WHERE kind <> 'unknown' GROUP BY 1, 2, 3, 4, 5, 6
) together
"""

KNOWN_FINDINGS = """
CREATE OR REPLACE VIEW known_findings AS
SELECT id, kind, severity, summary, remedy, resources, connection, evidence,
    opened_at, confirmed_at, closed_at
FROM findings
"""

UNITS = ("minute", "hour", "day")


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    for unit in UNITS:
        op.execute(_seen(unit))
        op.execute(_traffic(unit))
    op.execute(DEPENDENCIES)
    op.execute(KNOWN_FINDINGS)

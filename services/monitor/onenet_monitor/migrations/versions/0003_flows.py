"""Who had which addresses and which connection carried when; sums of traffic, and up to where they go."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """
CREATE TABLE IF NOT EXISTS networks (
    resource_id UUID NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    valid_until TIMESTAMP WITH TIME ZONE,
    provider UUID NOT NULL,
    account VARCHAR NOT NULL,
    native_id VARCHAR NOT NULL,
    subnets CIDR[] NOT NULL,
    public_addresses INET[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (resource_id, valid_from)
)
""",
    """
CREATE INDEX IF NOT EXISTS networks_past ON networks (valid_until) WHERE valid_until IS NOT NULL
""",
    """
CREATE TABLE IF NOT EXISTS link_ends (
    connection_id UUID NOT NULL,
    generation INTEGER NOT NULL,
    resource_left UUID NOT NULL,
    resource_right UUID NOT NULL,
    since TIMESTAMP WITH TIME ZONE,
    ctype VARCHAR NOT NULL,
    moved_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (connection_id)
)
""",
    """
CREATE INDEX IF NOT EXISTS link_ends_idle ON link_ends (moved_at) WHERE since IS NULL
""",
    """
CREATE TABLE IF NOT EXISTS links (
    connection_id UUID NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    valid_until TIMESTAMP WITH TIME ZONE,
    resource_left UUID NOT NULL,
    resource_right UUID NOT NULL,
    ctype VARCHAR NOT NULL,
    PRIMARY KEY (connection_id, valid_from)
)
""",
    """
CREATE INDEX IF NOT EXISTS links_past ON links (valid_until) WHERE valid_until IS NOT NULL
""",
    """
CREATE TABLE IF NOT EXISTS inventory_version (
    one BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (one)
)
""",
    """
CREATE TABLE IF NOT EXISTS flow_offsets (
    topic VARCHAR NOT NULL,
    partition INTEGER NOT NULL,
    next_offset BIGINT NOT NULL,
    PRIMARY KEY (topic, partition)
)
""",
    """
CREATE TABLE IF NOT EXISTS flow_minutes (
    minute TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT NOT NULL,
    connection UUID,
    source UUID,
    target UUID,
    observer TEXT NOT NULL,
    protocol SMALLINT NOT NULL,
    port INTEGER NOT NULL,
    reply BOOLEAN NOT NULL,
    accepted BOOLEAN NOT NULL,
    bytes BIGINT NOT NULL,
    packets BIGINT NOT NULL,
    flows BIGINT NOT NULL,
    CONSTRAINT flow_minutes_once UNIQUE NULLS NOT DISTINCT (
        minute, kind, connection, source, target, observer, protocol, port, reply, accepted
    )
) PARTITION BY RANGE (minute)
""",
    """
CREATE INDEX IF NOT EXISTS flow_minutes_connection ON flow_minutes (connection, minute)
""",
    """
CREATE TABLE IF NOT EXISTS flow_hours (
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT NOT NULL,
    connection UUID,
    source UUID,
    target UUID,
    observer TEXT NOT NULL,
    protocol SMALLINT NOT NULL,
    port INTEGER NOT NULL,
    reply BOOLEAN NOT NULL,
    accepted BOOLEAN NOT NULL,
    bytes BIGINT NOT NULL,
    packets BIGINT NOT NULL,
    flows BIGINT NOT NULL,
    CONSTRAINT flow_hours_once UNIQUE NULLS NOT DISTINCT (
        hour, kind, connection, source, target, observer, protocol, port, reply, accepted
    )
) PARTITION BY RANGE (hour)
""",
    """
CREATE INDEX IF NOT EXISTS flow_hours_connection ON flow_hours (connection, hour)
""",
    """
CREATE TABLE IF NOT EXISTS flow_days (
    day TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT NOT NULL,
    connection UUID,
    source UUID,
    target UUID,
    observer TEXT NOT NULL,
    protocol SMALLINT NOT NULL,
    port INTEGER NOT NULL,
    reply BOOLEAN NOT NULL,
    accepted BOOLEAN NOT NULL,
    bytes BIGINT NOT NULL,
    packets BIGINT NOT NULL,
    flows BIGINT NOT NULL,
    CONSTRAINT flow_days_once UNIQUE NULLS NOT DISTINCT (
        day, kind, connection, source, target, observer, protocol, port, reply, accepted
    )
)
""",
    """
CREATE INDEX IF NOT EXISTS flow_days_connection ON flow_days (connection, day)
""",
    """
CREATE TABLE IF NOT EXISTS flow_touched (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
)
""",
    """
CREATE TABLE IF NOT EXISTS dependencies (
    kind TEXT NOT NULL,
    connection UUID,
    source UUID,
    target UUID,
    observer TEXT NOT NULL,
    protocol SMALLINT NOT NULL,
    port INTEGER NOT NULL,
    reply BOOLEAN NOT NULL,
    first_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    bytes BIGINT NOT NULL,
    packets BIGINT NOT NULL,
    flows BIGINT NOT NULL,
    CONSTRAINT dependencies_once UNIQUE NULLS NOT DISTINCT (
        kind, connection, source, target, observer, protocol, port, reply
    )
)
""",
    """
CREATE INDEX IF NOT EXISTS dependencies_last_seen ON dependencies (last_seen)
""",
    """
CREATE INDEX IF NOT EXISTS dependencies_target ON dependencies (target)
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

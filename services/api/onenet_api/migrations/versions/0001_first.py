"""The schema that services made before there were migrations.

What such a service made is left as it is, which adopts its schema.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
CREATE TABLE IF NOT EXISTS outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    headers jsonb NOT NULL,
    value bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
)
""",
    """
CREATE TABLE IF NOT EXISTS inbox (
    event_id uuid NOT NULL,
    consumer text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, consumer)
)
""",
    """
CREATE INDEX IF NOT EXISTS inbox_received_at ON inbox (received_at)
""",
    """
CREATE TABLE IF NOT EXISTS answers (
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    request_digest VARCHAR NOT NULL,
    status INTEGER NOT NULL,
    location VARCHAR NOT NULL,
    etag VARCHAR NOT NULL,
    body VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (caller, key)
)
""",
    """
CREATE INDEX IF NOT EXISTS ix_answers_created_at ON answers (created_at)
""",
    """
CREATE TABLE IF NOT EXISTS audit (
    id UUID NOT NULL,
    time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    actor VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    object_type VARCHAR NOT NULL,
    object_id UUID NOT NULL,
    detail JSONB NOT NULL,
    services UUID[] NOT NULL,
    trace_id VARCHAR NOT NULL,
    PRIMARY KEY (id)
)
""",
    """
CREATE INDEX IF NOT EXISTS audit_services ON audit USING gin (services)
""",
    """
CREATE INDEX IF NOT EXISTS audit_time ON audit (time DESC, id DESC)
""",
    """
CREATE TABLE IF NOT EXISTS connections (
    id UUID NOT NULL,
    name VARCHAR NOT NULL,
    resource_left UUID NOT NULL,
    resource_right UUID NOT NULL,
    service_left UUID NOT NULL,
    service_right UUID NOT NULL,
    "left" JSONB NOT NULL,
    "right" JSONB NOT NULL,
    state VARCHAR NOT NULL,
    desired_state VARCHAR NOT NULL,
    dry_run BOOLEAN NOT NULL,
    health VARCHAR NOT NULL,
    health_reasons JSONB NOT NULL,
    ctype TEXT,
    requested_ctype TEXT,
    adopt BOOLEAN NOT NULL,
    adopted BOOLEAN NOT NULL,
    l4filters JSONB NOT NULL,
    requirements JSONB NOT NULL,
    details JSONB NOT NULL,
    evaluation JSONB NOT NULL,
    reasons JSONB NOT NULL,
    plan JSONB NOT NULL,
    flags JSONB NOT NULL,
    refused_paths JSONB NOT NULL,
    connected_by UUID,
    terms VARCHAR NOT NULL,
    needed_from JSONB NOT NULL,
    given JSONB NOT NULL,
    generation INTEGER NOT NULL,
    established_generation INTEGER NOT NULL,
    requested_by VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    traceparent VARCHAR DEFAULT '' NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    attempts INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (id)
)
""",
    """
CREATE UNIQUE INDEX IF NOT EXISTS connections_live_pair
ON connections (least(resource_left, resource_right), greatest(resource_left, resource_right))
WHERE state IN ('DELETING', 'ESTABLISHED', 'PENDING_APPROVAL', 'PROVISIONING', 'REQUESTED') AND NOT dry_run
""",
    """
CREATE INDEX IF NOT EXISTS connections_under_way ON connections (published_at)
WHERE state IN ('REQUESTED', 'PROVISIONING', 'DELETING')
""",
    """
CREATE INDEX IF NOT EXISTS connections_resource_left ON connections (resource_left)
""",
    """
CREATE INDEX IF NOT EXISTS connections_resource_right ON connections (resource_right)
""",
    """
CREATE INDEX IF NOT EXISTS ix_connections_service_left ON connections (service_left)
""",
    """
CREATE INDEX IF NOT EXISTS ix_connections_service_right ON connections (service_right)
""",
    """
CREATE TABLE IF NOT EXISTS services (
    id UUID NOT NULL,
    name VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    owners TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    PRIMARY KEY (id)
)
""",
    """
CREATE INDEX IF NOT EXISTS services_owners ON services USING gin (owners)
""",
    """
CREATE TABLE IF NOT EXISTS timeline (
    id UUID NOT NULL,
    connection_id UUID NOT NULL,
    type VARCHAR NOT NULL,
    time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    actor VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    generation INTEGER NOT NULL,
    trace_id VARCHAR NOT NULL,
    summary VARCHAR NOT NULL,
    data JSONB NOT NULL,
    PRIMARY KEY (id)
)
""",
    """
CREATE INDEX IF NOT EXISTS timeline_of_connection ON timeline (connection_id, time, id)
""",
    """
CREATE TABLE IF NOT EXISTS providers (
    id UUID NOT NULL,
    service UUID NOT NULL,
    name VARCHAR NOT NULL,
    provider_type VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    role_arn VARCHAR NOT NULL,
    external_id VARCHAR NOT NULL,
    status TEXT DEFAULT 'PENDING' NOT NULL,
    status_reason TEXT,
    discovered_at TIMESTAMP WITH TIME ZONE,
    announced JSONB DEFAULT '[]' NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(service) REFERENCES services (id)
)
""",
    """
CREATE INDEX IF NOT EXISTS ix_providers_service ON providers (service)
""",
    """
CREATE TABLE IF NOT EXISTS resources (
    id UUID NOT NULL,
    service UUID NOT NULL,
    provider UUID NOT NULL,
    name VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    l4filters JSONB DEFAULT '[]' NOT NULL,
    subnets CIDR[] NOT NULL,
    snapshot JSONB NOT NULL,
    state TEXT DEFAULT 'PRESENT' NOT NULL,
    discovered_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(service) REFERENCES services (id),
    FOREIGN KEY(provider) REFERENCES providers (id) ON DELETE CASCADE
)
""",
    """
CREATE INDEX IF NOT EXISTS ix_resources_service ON resources (service)
""",
    """
CREATE INDEX IF NOT EXISTS ix_resources_provider ON resources (provider)
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

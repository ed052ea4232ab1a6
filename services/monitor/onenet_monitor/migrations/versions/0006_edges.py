"""Dependencies in one row each, and views that read no more time than is asked for.

A release before this one goes on counting into ``dependencies``: a trigger adds what it counts to
``edges``, so that what either counts is in the sums once. The next release drops both. Findings of that
release still read there when a connection was seen last: while it is the only one of its kind, next to
newer ones that count, it may call a connection idle that is not, until it is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator

from alembic import op

revision = "0006"
down_revision = "0005"

AMOUNTS = ("bytes", "packets", "flows")
WAYS = {"asked": "NOT {}reply", "answered": "{}reply"}
ENDS = ("client", "server")
SUMS = tuple(f"{way}_{name}_at_{end}" for way in WAYS for end in ENDS for name in AMOUNTS)
KEY = ("kind", "connection", "client", "server", "protocol", "port")
TIMES = ("first_seen", "last_seen", "client_logged_at", "server_logged_at")

EDGES = f"""
CREATE TABLE IF NOT EXISTS edges (
    id UUID GENERATED ALWAYS AS (md5(
        kind || ' ' || coalesce(connection::text, '-') || ' ' || coalesce(client::text, '-') || ' '
        || coalesce(server::text, '-') || ' ' || protocol::text || ' ' || port::text
    )::uuid) STORED NOT NULL,
    kind TEXT NOT NULL,
    connection UUID,
    client UUID,
    server UUID,
    protocol SMALLINT NOT NULL,
    port INTEGER NOT NULL,
    first_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    client_logged_at TIMESTAMP WITH TIME ZONE,
    server_logged_at TIMESTAMP WITH TIME ZONE,
    {", ".join(f"{name} BIGINT NOT NULL" for name in SUMS)},
    PRIMARY KEY (id)
) WITH (fillfactor = 70)
"""
INDEXES = (
    "CREATE INDEX IF NOT EXISTS edges_connection ON edges (connection)",
    "CREATE INDEX IF NOT EXISTS edges_client ON edges (client)",
    "CREATE INDEX IF NOT EXISTS edges_server ON edges (server)",
    "CREATE INDEX IF NOT EXISTS edges_last_seen ON edges USING brin (last_seen)",
)


def _end(end: str, row: str = "") -> str:
    """Whether an end's own network saw a row of ``dependencies``."""
    return f"({row}observer = 'source') = ({row}reply = {'false' if end == 'client' else 'true'})"


def _each() -> Iterator[tuple[str, str, str, str]]:
    for way, is_way in WAYS.items():
        for end in ENDS:
            for name in AMOUNTS:
                yield f"{way}_{name}_at_{end}", is_way, end, name


COPIED = ", ".join(
    f"coalesce(sum({name}) FILTER (WHERE {is_way.format('')} AND {_end(end)}), 0)::bigint"
    for _, is_way, end, name in _each()
)
COPY = f"""
INSERT INTO edges ({", ".join((*KEY, *TIMES, *SUMS))})
SELECT kind, connection, CASE WHEN reply THEN target ELSE source END,
    CASE WHEN reply THEN source ELSE target END, protocol, port, min(first_seen), max(last_seen),
    max(last_seen) FILTER (WHERE {_end("client")}), max(last_seen) FILTER (WHERE {_end("server")}), {COPIED}
FROM dependencies GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT DO NOTHING
"""

ADDED = ", ".join(
    f"CASE WHEN {is_way.format('NEW.')} AND {_end(end, 'NEW.')} "
    f"THEN NEW.{name} - CASE WHEN TG_OP = 'UPDATE' THEN OLD.{name} ELSE 0 END ELSE 0 END"
    for _, is_way, end, name in _each()
)
FUNCTION = f"""
CREATE OR REPLACE FUNCTION add_to_edges() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO edges AS edge ({", ".join((*KEY, *TIMES, *SUMS))}) VALUES (
        NEW.kind, NEW.connection, CASE WHEN NEW.reply THEN NEW.target ELSE NEW.source END,
        CASE WHEN NEW.reply THEN NEW.source ELSE NEW.target END, NEW.protocol, NEW.port,
        NEW.first_seen, NEW.last_seen, CASE WHEN {_end("client", "NEW.")} THEN NEW.last_seen END,
        CASE WHEN {_end("server", "NEW.")} THEN NEW.last_seen END, {ADDED}
    )
    ON CONFLICT (id) DO UPDATE SET
        first_seen = least(edge.first_seen, excluded.first_seen),
        last_seen = greatest(edge.last_seen, excluded.last_seen),
        client_logged_at = greatest(edge.client_logged_at, excluded.client_logged_at),
        server_logged_at = greatest(edge.server_logged_at, excluded.server_logged_at),
        {", ".join(f"{name} = edge.{name} + excluded.{name}" for name in SUMS)};
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE OR REPLACE TRIGGER add_to_edges AFTER INSERT OR UPDATE ON dependencies
FOR EACH ROW EXECUTE FUNCTION add_to_edges()
"""


def _both(name: str) -> str:
    """Both directions; of each, what the end saw that saw more of it."""
    directions = (f"greatest({way}_{name}_at_client, {way}_{name}_at_server)" for way in WAYS)
    return f"{' + '.join(directions)} AS {name}"


DEPENDENCIES = f"""
CREATE OR REPLACE VIEW service_dependencies AS
SELECT id, kind, connection, client, server, protocol, port, first_seen, last_seen,
    {", ".join(_both(name) for name in AMOUNTS)}
FROM edges WHERE kind <> 'unknown'
"""


def _seen(unit: str) -> str:
    """Traffic once, as before; PostgreSQL takes a condition on the time into it, and reads no more than that.

    It does so for columns of the PARTITION BY, and only where they are the first with that expression.
    """
    return f"""
CREATE OR REPLACE VIEW seen_{unit}s AS
SELECT kind, connection, since, source, target, protocol, port, reply, accepted, bytes, packets, flows FROM (
    SELECT {unit} AS since, kind, connection, source, target, protocol, port, reply, accepted, bytes, packets,
        flows, observer, bool_or(observer = 'source') OVER (
            PARTITION BY connection, {unit}, kind, source, target, accepted
        ) AS by_sender
    FROM flow_{unit}s
) traffic WHERE (observer = 'source') = by_sender
"""


def upgrade() -> None:
    op.execute(EDGES)
    for statement in (*INDEXES, FUNCTION, TRIGGER, COPY, DEPENDENCIES):
        op.execute(statement)
    for unit in ("minute", "hour", "day"):
        op.execute(_seen(unit))

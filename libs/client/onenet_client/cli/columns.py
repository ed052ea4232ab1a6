"""How each kind of object looks in a table."""

from __future__ import annotations

from datetime import datetime

from onenet_client import filters, graph
from onenet_client.cli.output import Column
from onenet_client.models import Connection, Filter, Side, TimelineEntry
from onenet_client.names import native


def when(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def end(side: Side | None, resource: object) -> str:
    """``service/vpc-1``, as it can be typed again."""
    return f"{side.service_name}/{native(side.name)}" if side and side.name else str(resource)


def size(count: int) -> str:
    """Bytes in the largest unit that leaves a number before the point: ``1.5 MB``."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "B" else f"{count} B"


def rules(l4filters: tuple[Filter, ...]) -> str:
    return ", ".join(filters.show(rule) for rule in l4filters) or "any"


def verb(entry: TimelineEntry) -> str:
    """``evaluated`` of ``onenet.connection.evaluated.v1``."""
    return entry.type.removeprefix("onenet.connection.").rpartition(".v")[0] or entry.type


def _details(connection: Connection) -> str:
    return ", ".join(f"{name}={value}" for name, value in connection.details.items())


SERVICES = (
    Column("ID", lambda one: one.id),
    Column("NAME", lambda one: one.name),
    Column("OWNERS", lambda one: one.owners),
    Column("PROVIDERS", lambda one: len(one.providers)),
    Column("RESOURCES", lambda one: len(one.resources)),
    Column("DESCRIPTION", lambda one: one.description, wide=True),
    Column("UPDATED", lambda one: when(one.updated_at), wide=True),
)
PROVIDERS = (
    Column("ID", lambda one: one.id),
    Column("NAME", lambda one: one.name),
    Column("TYPE", lambda one: one.provider_type),
    Column("ACCOUNT", lambda one: one.account),
    Column("REGION", lambda one: one.region),
    Column("STATUS", lambda one: one.status),
    Column("REASON", lambda one: one.status_reason),
    Column("ROLE", lambda one: one.role_arn, wide=True),
    Column("EXTERNAL ID", lambda one: one.external_id, wide=True),
    Column("DISCOVERED", lambda one: when(one.discovered_at), wide=True),
)
RESOURCES = (
    Column("ID", lambda one: one.id),
    Column("NAME", lambda one: one.name),
    Column("SUBNETS", lambda one: one.subnets),
    Column("REGION", lambda one: one.region),
    Column("STATE", lambda one: one.state),
    Column("ACCOUNT", lambda one: one.account, wide=True),
    Column("SERVICE", lambda one: one.service, wide=True),
    Column("FILTERS", lambda one: rules(one.l4filters), wide=True),
    Column("DISCOVERED", lambda one: when(one.discovered_at), wide=True),
)
CONNECTIONS = (
    Column("ID", lambda one: one.id),
    Column("NAME", lambda one: one.name),
    Column("LEFT", lambda one: end(one.left, one.resource_left)),
    Column("RIGHT", lambda one: end(one.right, one.resource_right)),
    Column("CTYPE", lambda one: one.ctype),
    Column("STATE", lambda one: one.state),
    Column("HEALTH", lambda one: one.health),
    Column("FILTERS", lambda one: rules(one.l4filters), wide=True),
    Column("DETAILS", _details, wide=True),
    Column("REASONS", lambda one: one.reasons, wide=True),
    Column("REQUESTED BY", lambda one: one.requested_by, wide=True),
    Column("UPDATED", lambda one: when(one.updated_at), wide=True),
)
DIRECTORY = (
    Column("ID", lambda one: one.id),
    Column("SERVICE", lambda one: one.service_name),
    Column("NAME", lambda one: one.name),
    Column("PLATFORM", lambda one: one.platform),
    Column("REGION", lambda one: one.region),
    Column("OWNERS", lambda one: one.owners),
    Column("DESCRIPTION", lambda one: one.description, wide=True),
)
TIMELINE = (
    Column("TIME", lambda one: when(one.time)),
    Column("EVENT", verb),
    Column("WHO", lambda one: one.actor),
    Column("SUMMARY", lambda one: one.summary),
    Column("TRACE", lambda one: one.trace_id),
    Column("SOURCE", lambda one: one.source, wide=True),
    Column("GENERATION", lambda one: one.generation, wide=True),
)
AUDIT = (
    Column("TIME", lambda one: when(one.time)),
    Column("WHO", lambda one: one.actor),
    Column("ACTION", lambda one: one.action),
    Column("TYPE", lambda one: one.object_type),
    Column("OBJECT", lambda one: one.object_id),
    Column("TRACE", lambda one: one.trace_id, wide=True),
    Column("DETAIL", lambda one: one.detail, wide=True),
)
DEAD_LETTERS = (
    Column("ID", lambda one: one.id),
    Column("TIME", lambda one: when(one.time)),
    Column("CODE", lambda one: one.code),
    Column("GROUP", lambda one: one.group),
    Column("ATTEMPTS", lambda one: one.attempts),
    Column("REPLAYED", lambda one: when(one.replayed_at)),
    Column("CUT", lambda one: "yes" if one.cut else "", wide=True),
    Column("EVENT", lambda one: one.event_type, wide=True),
    Column("TRACE", lambda one: one.trace_id, wide=True),
    Column("REASON", lambda one: one.reason),
)
REPLAYS = (
    Column("ID", lambda one: one.id),
    Column("OUTCOME", lambda one: one.outcome),
)
TRAFFIC = (
    Column("FROM", lambda one: when(one.since)),
    Column("LEFT TO RIGHT", lambda one: size(one.left_to_right.bytes)),
    Column("RIGHT TO LEFT", lambda one: size(one.right_to_left.bytes)),
    Column("FLOWS", lambda one: one.left_to_right.flows + one.right_to_left.flows),
    Column("REFUSED", lambda one: one.refused.flows or ""),
    Column("PACKETS", lambda one: one.left_to_right.packets + one.right_to_left.packets, wide=True),
)
PORTS = (
    Column("PORT", lambda one: graph.port(one.protocol, one.port)),
    Column("BYTES", lambda one: size(one.bytes)),
    Column("FLOWS", lambda one: one.flows),
    Column("REFUSED", lambda one: "yes" if one.refused else ""),
    Column("PACKETS", lambda one: one.packets, wide=True),
)
BUSIEST = (
    Column("ID", lambda one: one.connection),
    Column("NAME", lambda one: one.name),
    Column("LEFT TO RIGHT", lambda one: size(one.left_to_right.bytes)),
    Column("RIGHT TO LEFT", lambda one: size(one.right_to_left.bytes)),
    Column("FLOWS", lambda one: one.left_to_right.flows + one.right_to_left.flows),
    Column("REFUSED", lambda one: one.refused.flows or ""),
    Column("HEALTH", lambda one: one.health),
    Column("STATE", lambda one: one.state, wide=True),
)
FINDINGS = (
    Column("ID", lambda one: one.id),
    Column("KIND", lambda one: one.kind),
    Column("STATE", lambda one: one.state),
    Column("SUMMARY", lambda one: one.summary),
    Column("OPENED", lambda one: when(one.opened_at)),
    Column("REMEDY", lambda one: one.remedy, wide=True),
    Column("SERVICES", lambda one: [service.name for service in one.services], wide=True),
    Column("SEVERITY", lambda one: one.severity, wide=True),
    Column("NOTE", lambda one: one.note, wide=True),
)
WEBHOOKS = (
    Column("ID", lambda one: one.id),
    Column("URL", lambda one: one.url),
    Column("EVENTS", lambda one: one.types or "all"),
    Column("ENABLED", lambda one: "yes" if one.enabled else "no"),
    Column("WAITING", lambda one: one.waiting),
    Column("DISABLED BECAUSE", lambda one: one.disabled_reason, wide=True),
    Column("SERVICE", lambda one: one.service, wide=True),
    Column("DESCRIPTION", lambda one: one.description, wide=True),
    Column("SIGNED TWICE UNTIL", lambda one: when(one.previous_until), wide=True),
)
SECRET = Column("SECRET", lambda one: one.secret)
ATTEMPTS = (
    Column("TIME", lambda one: when(one.time)),
    Column("EVENT", lambda one: one.type),
    Column("TRY", lambda one: one.number),
    Column("OUTCOME", lambda one: one.outcome),
    Column("STATUS", lambda one: one.status),
    Column("MS", lambda one: one.milliseconds),
    Column("ERROR", lambda one: one.error),
    Column("ID", lambda one: one.event_id, wide=True),
)
DEPENDENCIES = (
    Column("CLIENT", lambda one: one.client),
    Column("SERVER", lambda one: one.server),
    Column("PORTS", lambda one: one.ports),
    Column("OVER", lambda one: one.over),
    Column("BYTES", lambda one: size(one.bytes)),
    Column("FIRST SEEN", lambda one: when(one.first_seen)),
    Column("LAST SEEN", lambda one: when(one.last_seen)),
)
ME = (
    Column("USER", lambda one: one.user),
    Column("GROUPS", lambda one: one.groups),
    Column("ADMIN", lambda one: "yes" if one.admin else "no"),
    Column("PROFILE", lambda one: one.profile),
    Column("URL", lambda one: one.url),
)
PROFILES = (
    Column("PROFILE", lambda one: one.name),
    Column("URL", lambda one: one.url),
    Column("ISSUER", lambda one: one.issuer),
    Column("CLIENT ID", lambda one: one.client_id),
)

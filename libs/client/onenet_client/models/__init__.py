"""The API's objects as a client reads them.

Fields that this version does not know are kept, and words such as states are plain text, so that a
newer API does not break an older client.
"""

from onenet_client.models.connections import (
    Availability,
    Connection,
    ConnectionHealth,
    Consent,
    Flag,
    GivenConsent,
    HealthSource,
    Side,
    Step,
    TimelineEntry,
)
from onenet_client.models.events import Event, NamedConnection
from onenet_client.models.identity import Me, SignIn
from onenet_client.models.inventory import (
    DirectoryResource,
    DirectoryService,
    Filter,
    Provider,
    Resource,
    Service,
)
from onenet_client.models.operating import (
    AuditEntry,
    Bytes,
    DeadLetter,
    DeadLetterDetail,
    Header,
    Replay,
    ReplayedLetter,
)
from onenet_client.models.shapes import M, Model, Page
from onenet_client.models.telling import Attempt, MailChoice, MailPreferences, Replayed, Webhook
from onenet_client.models.traffic import (
    Amount,
    Busiest,
    BusyConnection,
    Dependencies,
    DependencyEdge,
    DependencyNode,
    Finding,
    Traffic,
    TrafficByPort,
    TrafficPoint,
)

__all__ = (
    "Amount",
    "Attempt",
    "AuditEntry",
    "Availability",
    "Busiest",
    "BusyConnection",
    "Bytes",
    "Connection",
    "ConnectionHealth",
    "Consent",
    "DeadLetter",
    "DeadLetterDetail",
    "Dependencies",
    "DependencyEdge",
    "DependencyNode",
    "DirectoryResource",
    "DirectoryService",
    "Event",
    "Filter",
    "Finding",
    "Flag",
    "GivenConsent",
    "Header",
    "HealthSource",
    "M",
    "MailChoice",
    "MailPreferences",
    "Me",
    "Model",
    "NamedConnection",
    "Page",
    "Provider",
    "Replay",
    "Replayed",
    "ReplayedLetter",
    "Resource",
    "Service",
    "Side",
    "SignIn",
    "Step",
    "TimelineEntry",
    "Traffic",
    "TrafficByPort",
    "TrafficPoint",
    "Webhook",
)

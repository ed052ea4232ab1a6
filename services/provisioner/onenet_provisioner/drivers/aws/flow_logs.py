"""The flow logs of a network, and what a connection wants of them. Pure.

A flow log belongs to its network, and connections share it: one for each network and destination, made by the
first connection and deleted by the last. Which connections those are stands on the flow log itself, in one
tag for each: nobody has to remember it, a crash between two calls leaves a state that can be gone on from,
and of two that leave at once the later one sees that none is left. What a connection that arrives in the
same moment loses by that, the watchdog makes again.

A flow log to the same place that somebody else made is as good, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from onenet_common.connection import Side, Step
from onenet_provisioner.drivers.aws.peering_steps import Action
from onenet_provisioner.drivers.driver import Link

FLOW_LOG_TAG = "onenet:flow-log"
"""Marks a flow log that OneNet made."""

CONNECTION_TAG_PREFIX = "onenet:connection/"
"""Before a connection's id it is the key of the tag by which the connection uses a flow log."""

MOST_CONNECTIONS = 45
"""Tags that are set on one flow log, of the 50 that AWS allows. A connection beyond uses it without saying
so, and makes it again should all the others leave."""

FLOW_LOG = "flow_log_id"
"""Argument: the flow log concerned."""

DESTINATION = "log_destination"

NOT_VISIBLE = "the provider's role may not see flow logs"
"""Told of a side instead of its flow log."""

FIELDS = (
    *("version", "account-id", "vpc-id", "subnet-id", "interface-id", "srcaddr", "dstaddr"),
    *("srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "action", "log-status"),
    *("tcp-flags", "pkt-srcaddr", "pkt-dstaddr", "flow-direction", "traffic-path", "reject-reason"),
)
LOG_FORMAT = " ".join(f"${{{name}}}" for name in FIELDS)
AGGREGATION_SECONDS = 60


@dataclass(frozen=True, slots=True)
class FlowLog:
    """One flow log of a network."""

    id: str
    destination: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def connections(self) -> frozenset[str]:
        """The keys of the tags by which connections use it."""
        return frozenset(key for key in self.tags if key.startswith(CONNECTION_TAG_PREFIX))

    @property
    def ours(self) -> bool:
        return FLOW_LOG_TAG in self.tags or bool(self.connections)

    def leads_to(self, destination: str) -> bool:
        return self.destination.rstrip("/") == destination.rstrip("/")


FlowLogs = Mapping[Side, tuple[FlowLog, ...]]
"""By side; a side is missing where flow logs are not wanted, or cannot be seen."""


def connection_tag(connection_id: UUID) -> str:
    return f"{CONNECTION_TAG_PREFIX}{connection_id}"


def refusal(side: Side) -> str:
    """Remembered: generation and reason of a refusal to make the side's flow log."""
    return f"flow_log_refused_{side}"


def flow_logs_wanted(link: Link, seen: FlowLogs, destination: str) -> Iterator[Step]:
    """What leads to a flow log on each side whose flow logs are seen.

    Args:
        destination: ARN of a bucket, or of a folder in it.
    """
    for side, logs in seen.items():
        there = [log for log in logs if log.leads_to(destination)]
        if not there and not _refused(link, side):
            yield _create(link, side, destination)
        for log in there:
            yield from _join(link, side, log)
        for log in logs:
            if log not in there:
                yield from _leave(link, side, log, "flow logs go elsewhere now")


def flow_logs_unwanted(link: Link, seen: FlowLogs) -> Iterator[Step]:
    for side, logs in seen.items():
        for log in logs:
            yield from _leave(link, side, log, "the connection is deleted")


def flow_log_details(link: Link, seen: FlowLogs, destination: str) -> dict[str, str]:
    """What a user should see: the flow log of each side, or why there is none."""
    found: dict[str, str] = {}
    for side in Side:
        there = next((log.id for log in seen.get(side, ()) if log.leads_to(destination)), "")
        told = there or link.details.get(refusal(side), "")
        if told or side not in seen:
            found[f"flow_log_{side}"] = told or NOT_VISIBLE
    return found


def _refused(link: Link, side: Side) -> bool:
    """A refusal stands for its generation: a connection is worth more than its flow logs, so that it goes on
    without, and they are tried again when it is next changed."""
    return link.details.get(refusal(side), "").partition(" ")[0] == str(link.generation)


def _create(link: Link, side: Side, destination: str) -> Step:
    vpc = link.wish.side(side).native_id
    arguments = {DESTINATION: destination}
    return Step(
        action=Action.CREATE_FLOW_LOG, side=side, target=vpc, arguments=arguments, why="traffic is not logged"
    )


def _join(link: Link, side: Side, log: FlowLog) -> Iterator[Step]:
    full = len(log.connections) >= MOST_CONNECTIONS
    if log.ours and not full and connection_tag(link.connection_id) not in log.tags:
        yield _on(log, Action.TAG_FLOW_LOG, side, "the connection uses it")


def _leave(link: Link, side: Side, log: FlowLog, why: str) -> Iterator[Step]:
    own = connection_tag(link.connection_id)
    if not log.ours:
        return
    if not log.connections - {own}:
        yield _on(log, Action.DELETE_FLOW_LOG, side, why)
    elif own in log.connections:
        yield _on(log, Action.UNTAG_FLOW_LOG, side, why)


def _on(log: FlowLog, action: Action, side: Side, why: str) -> Step:
    return Step(action=action, side=side, target=log.id, arguments={FLOW_LOG: log.id}, why=why)

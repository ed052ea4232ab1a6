"""Traces as trees of text: the same spans under the same parent stand there once, in order."""

from __future__ import annotations

from collections import defaultdict

from tests.e2e.traces import Span


def tree(spans: list[Span]) -> str:
    ids = {span.span_id for span in spans}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        children[span.parent_id if span.parent_id in ids else ""].append(span)
    return "\n".join(_lines(children, [""], 0))


def _lines(children: dict[str, list[Span]], parents: list[str], depth: int) -> list[str]:
    alike: dict[str, list[str]] = defaultdict(list)
    for parent in parents:
        for span in children[parent]:
            alike[_label(span)].append(span.span_id)
    lines = []
    for label, ids in sorted(alike.items()):
        lines.append("  " * depth + label)
        lines += _lines(children, ids, depth + 1)
    return lines


def _label(span: Span) -> str:
    event = str(span.attributes.get("onenet.event.type", "")).removeprefix("onenet.").removesuffix(".v1")
    return " ".join(filter(None, (span.service.removeprefix("onenet-"), span.kind, span.name, event)))


ESTABLISHED = """
api SERVER POST /v1/connections
  api CLIENT INSERT connections
  api PRODUCER send onenet.connections connection.requested
    evaluator CONSUMER process onenet.connections connection.requested
      evaluator PRODUCER send onenet.connections connection.evaluated
        api CONSUMER process onenet.connections connection.evaluated
        monitor CONSUMER process onenet.connections connection.evaluated
        provisioner CONSUMER process onenet.connections connection.evaluated
          provisioner INTERNAL reconcile AWS_PEERING
            provisioner CLIENT EC2.AcceptVpcPeeringConnection
            provisioner CLIENT EC2.CreateRoute
            provisioner CLIENT EC2.CreateTags
            provisioner CLIENT EC2.CreateVpcPeeringConnection
            provisioner CLIENT EC2.DescribeRouteTables
            provisioner CLIENT EC2.DescribeVpcPeeringConnections
            provisioner CLIENT EC2.ModifyVpcPeeringConnectionOptions
            provisioner CLIENT UPDATE links
            provisioner PRODUCER send onenet.connections connection.established
              api CONSUMER process onenet.connections connection.established
              monitor CONSUMER process onenet.connections connection.established
            provisioner PRODUCER send onenet.health health.sampled
              monitor CONSUMER process onenet.health health.sampled
                monitor PRODUCER send onenet.connections connection.health_changed
                  api CONSUMER process onenet.connections connection.health_changed
                  monitor CONSUMER process onenet.connections connection.health_changed
    monitor CONSUMER process onenet.connections connection.requested
"""

REJECTED = """
api SERVER POST /v1/connections
  api CLIENT INSERT connections
  api PRODUCER send onenet.connections connection.requested
    evaluator CONSUMER process onenet.connections connection.requested
      evaluator PRODUCER send onenet.connections connection.rejected
        api CONSUMER process onenet.connections connection.rejected
        monitor CONSUMER process onenet.connections connection.rejected
    monitor CONSUMER process onenet.connections connection.requested
"""

REPAIRED = """
provisioner INTERNAL reconcile AWS_PEERING
  provisioner CLIENT EC2.AcceptVpcPeeringConnection
  provisioner CLIENT EC2.CreateTags
  provisioner CLIENT EC2.CreateVpcPeeringConnection
  provisioner CLIENT EC2.DescribeRouteTables
  provisioner CLIENT EC2.DescribeVpcPeeringConnections
  provisioner CLIENT EC2.ModifyVpcPeeringConnectionOptions
  provisioner CLIENT EC2.ReplaceRoute
  provisioner CLIENT UPDATE links
  provisioner PRODUCER send onenet.connections connection.drifted
    api CONSUMER process onenet.connections connection.drifted
    monitor CONSUMER process onenet.connections connection.drifted
  provisioner PRODUCER send onenet.connections connection.repaired
    api CONSUMER process onenet.connections connection.repaired
    monitor CONSUMER process onenet.connections connection.repaired
  provisioner PRODUCER send onenet.health health.sampled
    monitor CONSUMER process onenet.health health.sampled
"""

PATH_REFUSED = """
api SERVER POST /v1/connections
  api CLIENT INSERT connections
  api PRODUCER send onenet.connections connection.requested
    evaluator CONSUMER process onenet.connections connection.requested
      evaluator PRODUCER send onenet.connections connection.evaluated
        api CONSUMER process onenet.connections connection.evaluated
        monitor CONSUMER process onenet.connections connection.evaluated
        provisioner CONSUMER process onenet.connections connection.evaluated
          provisioner INTERNAL reconcile AWS_PEERING
            provisioner CLIENT EC2.AcceptVpcPeeringConnection
            provisioner CLIENT EC2.CreateVpcPeeringConnection
            provisioner CLIENT EC2.DeleteVpcPeeringConnection
            provisioner CLIENT EC2.DescribeRouteTables
            provisioner CLIENT EC2.DescribeVpcPeeringConnections
            provisioner CLIENT UPDATE links
            provisioner PRODUCER send onenet.connections connection.path_refused
              api CONSUMER process onenet.connections connection.path_refused
              evaluator CONSUMER process onenet.connections connection.path_refused
                evaluator PRODUCER send onenet.connections connection.rejected
                  api CONSUMER process onenet.connections connection.rejected
                  monitor CONSUMER process onenet.connections connection.rejected
              monitor CONSUMER process onenet.connections connection.path_refused
    monitor CONSUMER process onenet.connections connection.requested
"""

DELETED = """
api SERVER DELETE /v1/connections/{connection_id}
  api PRODUCER send onenet.connections connection.deletion_requested
    monitor CONSUMER process onenet.connections connection.deletion_requested
    provisioner CONSUMER process onenet.connections connection.deletion_requested
      provisioner INTERNAL reconcile AWS_PEERING
        provisioner CLIENT EC2.DeleteRoute
        provisioner CLIENT EC2.DeleteVpcPeeringConnection
        provisioner CLIENT EC2.DescribeRouteTables
        provisioner CLIENT EC2.DescribeVpcPeeringConnections
        provisioner CLIENT UPDATE links
        provisioner PRODUCER send onenet.connections connection.deleted
          api CONSUMER process onenet.connections connection.deleted
          monitor CONSUMER process onenet.connections connection.deleted
"""

RETRIED = """
api SERVER POST /v1/connections/{connection_id}/retry
  api PRODUCER send onenet.connections connection.requested
    evaluator CONSUMER process onenet.connections connection.requested
      evaluator PRODUCER send onenet.connections connection.evaluated
        api CONSUMER process onenet.connections connection.evaluated
        monitor CONSUMER process onenet.connections connection.evaluated
        provisioner CONSUMER process onenet.connections connection.evaluated
          provisioner INTERNAL reconcile AWS_PEERING
            provisioner CLIENT EC2.AcceptVpcPeeringConnection
            provisioner CLIENT EC2.CreateRoute
            provisioner CLIENT EC2.CreateTags
            provisioner CLIENT EC2.CreateVpcPeeringConnection
            provisioner CLIENT EC2.DescribeRouteTables
            provisioner CLIENT EC2.DescribeVpcPeeringConnections
            provisioner CLIENT EC2.ModifyVpcPeeringConnectionOptions
            provisioner CLIENT UPDATE links
            provisioner PRODUCER send onenet.connections connection.established
              api CONSUMER process onenet.connections connection.established
              monitor CONSUMER process onenet.connections connection.established
            provisioner PRODUCER send onenet.health health.sampled
              monitor CONSUMER process onenet.health health.sampled
                monitor PRODUCER send onenet.connections connection.health_changed
                  api CONSUMER process onenet.connections connection.health_changed
                  monitor CONSUMER process onenet.connections connection.health_changed
    monitor CONSUMER process onenet.connections connection.requested
"""

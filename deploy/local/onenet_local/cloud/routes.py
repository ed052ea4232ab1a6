"""Routes by AWS's rules: canonical, counted, never over a local one, blackhole when cut."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.route_tables import Route, RouteTable
from moto.ec2.responses.route_tables import RouteTables

from onenet_local.cloud.lifecycle import LIVE
from onenet_local.cloud.peering import Peering
from onenet_local.cloud.state import Cloud

DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock")


class Routes(RouteTables):
    """The operations on routes, for one call of one account in one region."""

    cloud: Cloud

    def create_route(self) -> ActionResult:
        self._canonicalise()
        table: RouteTable = self.ec2_backend.get_route_table(self._get_param("RouteTableId"))
        destination = self._destination()
        if destination is not None:
            self._check_destination(table, destination)
        self._check_peering(table)
        return super().create_route()

    def replace_route(self) -> ActionResult:
        self._canonicalise()
        table: RouteTable = self.ec2_backend.get_route_table(self._get_param("RouteTableId"))
        self._check_not_local(table, self._destination())
        self._check_peering(table)
        return super().replace_route()

    def delete_route(self) -> ActionResult:
        self._canonicalise()
        table: RouteTable = self.ec2_backend.get_route_table(self._get_param("RouteTableId"))
        destination = self._destination()
        if destination in _locals(table):
            raise _invalid(f"cannot remove local route {destination} in route table {table.id}")
        return super().delete_route()

    def _canonicalise(self) -> None:
        for name in DESTINATIONS:
            if given := self._get_param(name):
                try:
                    self.params[name] = str(ip_network(given, strict=False))
                except ValueError:
                    parameter = name[0].lower() + name[1:]
                    raise _invalid(
                        f"Value ({given}) for parameter {parameter} is invalid. "
                        "This is not a valid CIDR block."
                    ) from None

    def _destination(self) -> str | None:
        found: str | None = next(
            (self._get_param(name) for name in DESTINATIONS if self._get_param(name)), None
        )
        return found

    def _check_destination(self, table: RouteTable, destination: str) -> None:
        self._check_not_local(table, destination)
        version = ip_network(destination).version
        static = [one for one in map(_canonical, _static(table)) if ip_network(one).version == version]
        if destination in static:
            raise EC2ClientError(
                "RouteAlreadyExists", f"The route identified by {destination} already exists."
            )
        if len(static) >= self.cloud.rules.routes_per_table:
            raise EC2ClientError(
                "RouteLimitExceeded",
                f"The maximum number of routes has been reached for route table {table.id}.",
            )

    def _check_not_local(self, table: RouteTable, destination: str | None) -> None:
        """A peering cannot take over a part of the VPC itself."""
        if destination is None or self._get_param("VpcPeeringConnectionId") is None:
            return
        network: Any = ip_network(destination)
        for local in map(ip_network, _locals(table)):
            if network.version == local.version and network.subnet_of(local):
                raise _invalid(
                    "Route target is not supported. This route only supports interface and instance targets."
                )

    def _check_peering(self, table: RouteTable) -> None:
        """A route may wait for a peering to become active, but not for one that is over."""
        peering_id = self._get_param("VpcPeeringConnectionId")
        if peering_id is None:
            return
        peering: Peering | None = self.ec2_backend.vpc_pcxs.get(peering_id)
        if peering is None or peering.code not in LIVE:
            raise EC2ClientError(
                "InvalidVpcPeeringConnectionID.NotFound",
                f"The vpcPeeringConnection ID '{peering_id}' does not exist",
            )
        if not peering.involves(table.vpc_id):
            raise _invalid(
                f"route table {table.id} and network gateway {peering_id} belong to different networks"
            )


def _canonical(route: Route) -> str:
    return str(
        ip_network(route.destination_cidr_block or route.destination_ipv6_cidr_block or "", strict=False)
    )


def _with_block(table: RouteTable, *, local: bool) -> list[Route]:
    return [
        route
        for route in table.routes
        if route.local is local and (route.destination_cidr_block or route.destination_ipv6_cidr_block)
    ]


def _static(table: RouteTable) -> list[Route]:
    return _with_block(table, local=False)


def _locals(table: RouteTable) -> list[str]:
    return [_canonical(route) for route in _with_block(table, local=True)]


def _invalid(message: str) -> EC2ClientError:
    return EC2ClientError("InvalidParameterValue", message)

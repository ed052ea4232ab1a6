"""Puts the local cloud together."""

from __future__ import annotations

from moto.core.responses import BaseResponse
from moto.iam.responses import IamResponse

from onenet_local.cloud import moto_changes
from onenet_local.cloud.credentials import Caller
from onenet_local.cloud.ec2 import Ec2
from onenet_local.cloud.gateway import Gateway, Service
from onenet_local.cloud.identity import Sts
from onenet_local.cloud.quotas import Quotas
from onenet_local.cloud.rules import Rules
from onenet_local.cloud.server import CloudServer
from onenet_local.cloud.state import Cloud


def build(host: str, port: int, rules: Rules) -> CloudServer:
    """A server that listens but does not serve yet.

    Raises:
        OSError: when it cannot listen there.
    """
    moto_changes.apply()
    return CloudServer(host, port, Gateway(Cloud(rules), SERVICES))


def _iam(_: Cloud, __: Caller) -> BaseResponse:
    return IamResponse()


SERVICES: dict[str, Service] = {"ec2": Ec2, "sts": Sts, "iam": _iam, "servicequotas": Quotas}
"""Services by signing name that run under the lock and the rules; the rest is moto's alone."""

"""EC2 with AWS's rules: the one place where an operation joins the simulation.

An operation that moto lacks, or gets wrong, is one method here or in a mixin, named like the
operation in snake case and returning an ``ActionResult`` of the answer's fields; botocore's
model writes the XML.
"""

from __future__ import annotations

from typing import Any, cast

from moto.core.common_types import TYPE_RESPONSE
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.ec2.exceptions import DryRunClientError, EC2ClientError, FilterNotImplementedError
from moto.ec2.responses import EC2Response

from onenet_local.cloud.credentials import Caller
from onenet_local.cloud.flow_logs import FlowLogs
from onenet_local.cloud.paging import PAGED, page
from onenet_local.cloud.peerings import Peerings
from onenet_local.cloud.routes import Routes
from onenet_local.cloud.state import Cloud
from onenet_local.cloud.vpcs import Vpcs


class Ec2(Vpcs, Routes, Peerings, FlowLogs, EC2Response):
    """moto's EC2 under AWS's rules, for one call."""

    def __init__(self, cloud: Cloud, caller: Caller) -> None:
        super().__init__()
        self.cloud = cloud

    def call_action(self) -> TYPE_RESPONSE:
        """Carry the operation out; every refusal is an error that AWS's clients understand."""
        try:
            result = self._perform(camelcase_to_underscores(self._get_action()))
        except ServiceException as error:
            result = ActionResult(error)
        return self.serialized(result)

    def _perform(self, operation: str) -> ActionResult:
        if self._get_param("DryRun", False):
            raise DryRunClientError
        method = getattr(self, operation, None)
        if method is None:
            raise NotImplementedError(operation)
        try:
            result: ActionResult = method()
        except FilterNotImplementedError as error:
            complaint = str(error).partition(" for ")[0]
            raise EC2ClientError("InvalidParameterValue", f"{complaint} is invalid") from error
        return self._paged(operation, result) if operation in PAGED else result

    def _paged(self, operation: str, result: ActionResult) -> ActionResult:
        items, ids = PAGED[operation]
        size = self._get_int_param("MaxResults")
        if size is not None and self._get_param(ids):
            raise EC2ClientError(
                "InvalidParameterCombination",
                f"The parameter {ids} cannot be used with the parameter MaxResults",
            )
        token = self._get_param("NextToken")
        default_size = self.cloud.rules.page_size
        answer = cast(dict[str, Any], result.result)
        return ActionResult(page(answer, items, size=size, token=token, default_size=default_size))

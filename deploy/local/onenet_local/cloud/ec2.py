"""EC2 with AWS's rules: the one place where an operation joins the simulation.

An operation that moto lacks, or gets wrong, is one method here or in a mixin, named like the
operation in snake case and returning an ``ActionResult`` of the answer's fields; botocore's
model writes the XML.
"""

from __future__ import annotations

from moto.core.common_types import TYPE_RESPONSE
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.ec2.exceptions import DryRunClientError, EC2ClientError, FilterNotImplementedError
from moto.ec2.responses import EC2Response

from onenet_local.cloud.credentials import Caller
from onenet_local.cloud.state import Cloud


class Ec2(EC2Response):
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
            raise EC2ClientError("InvalidParameterValue", str(error)) from error
        return result

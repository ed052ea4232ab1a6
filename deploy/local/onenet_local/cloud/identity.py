"""STS with trust: a role is assumed by whom its owner lets in, and by nobody else."""

from __future__ import annotations

import re

from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import Role, iam_backends
from moto.sts.models import AssumedRole
from moto.sts.responses import TokenResponse

from onenet_local.cloud.credentials import Caller, denied
from onenet_local.cloud.errors import AwsError
from onenet_local.cloud.state import Cloud
from onenet_local.cloud.trust import ASSUME_ROLE, trusts

SHORTEST, LONGEST = 900, 43_200
"""Seconds that AWS lets a session last."""

_ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/[\w+=,.@/-]+")


class Sts(TokenResponse):
    """moto's STS, but AssumeRole asks the role's trust policy.

    The policies of the caller are not asked: whoever is trusted may assume.
    """

    def __init__(self, cloud: Cloud, caller: Caller) -> None:
        super().__init__()
        self._cloud = cloud
        self._caller = caller

    def assume_role(self) -> ActionResult:
        role = self._trusting_role(self._get_param("RoleArn"))
        seconds = self._get_int_param("DurationSeconds", 3600)
        if not SHORTEST <= seconds <= LONGEST:
            raise AwsError(
                400,
                "ValidationError",
                f"Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
                f"between {SHORTEST} and {LONGEST}",
            )
        session = self.backend.assume_role(
            region_name=self.region,
            role_session_name=self._get_param("RoleSessionName"),
            role_arn=role.arn,
            policy=self._get_param("Policy"),
            duration=int(self._cloud.rules.session_lifetime or seconds),
            external_id=self._get_param("ExternalId"),
        )
        self._remember(session, role)
        user = {"AssumedRoleId": session.user_id, "Arn": session.arn}
        return ActionResult({"Credentials": session, "AssumedRoleUser": user, "PackedPolicySize": 6})

    def get_caller_identity(self) -> ActionResult:
        caller = self._caller
        return ActionResult({"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn})

    def _trusting_role(self, arn: str) -> Role:
        role = _role(arn)
        external_id = self._get_param("ExternalId")
        if role is None or not trusts(role.assume_role_policy_document, self._caller, external_id):
            raise denied(self._caller, ASSUME_ROLE, arn)
        return role

    def _remember(self, session: AssumedRole, role: Role) -> None:
        caller = Caller(session.account_id, session.arn, session.user_id, role.arn)
        lifetime = session.expiration.timestamp() - self._cloud.credentials.now()
        self._cloud.credentials.open(session.access_key_id, session.session_token, caller, lifetime)


def _role(arn: str) -> Role | None:
    found = _ROLE_ARN.fullmatch(arn)
    if found is None or found.group(1) not in iam_backends:
        return None
    try:
        return iam_backends[found.group(1)]["aws"].get_role_by_arn(arn)
    except NotFoundException:
        return None

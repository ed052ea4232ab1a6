"""Whose access key it is: account owners, assumed roles and IAM users.

An account's owner signs with the key ``LOCAL`` and the twelve digits of the account; any
secret will do, for signatures are not checked. Temporary keys come from AssumeRole and need
their session token; keys of IAM users come from CreateAccessKey.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from moto.iam.models import iam_backends

from onenet_local.cloud.errors import AwsError, Refusal, refusal
from onenet_local.cloud.keys import OWNER_KEY


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. ``role_arn`` is set when it is an assumed role."""

    account: str
    arn: str
    user_id: str
    role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One set of temporary credentials; times are seconds since the epoch."""

    caller: Caller
    token: str
    opened: float
    expires: float


class Credentials:
    """Every key that the local cloud has given out.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._expired_until = 0.0

    def now(self) -> float:
        return self._clock()

    def open(self, access_key: str, token: str, caller: Caller, seconds: float) -> None:
        """Remember temporary credentials that are good for ``seconds``."""
        now = self._clock()
        self._sessions[access_key] = Session(caller, token, now, now + seconds)

    def expire_all(self) -> None:
        """Expire every temporary credential given out until now."""
        self._expired_until = self._clock()

    def forget_all(self) -> None:
        self._sessions.clear()

    def caller(self, access_key: str, token: str, service: str) -> Caller:
        """Who signs with this key.

        Raises:
            AwsError: the key is unknown, its token wrong or expired, in the words of ``service``.
        """
        if owner := OWNER_KEY.fullmatch(access_key):
            account = owner.group(1)
            return Caller(account, f"arn:aws:iam::{account}:user/owner", f"AIDAOWNER{account}")
        session = self._sessions.get(access_key)
        if session is None:
            return self._iam_user(access_key, service)
        if session.token != token:
            raise refusal(service, Refusal.UNKNOWN_KEY)
        if session.expires <= self._clock() or session.opened <= self._expired_until:
            raise refusal(service, Refusal.EXPIRED)
        return session.caller

    def _iam_user(self, access_key: str, service: str) -> Caller:
        for account in list(iam_backends):
            iam = iam_backends[account]["aws"]
            user = iam.get_user_from_access_key_id(access_key)
            if user is not None:
                return Caller(account, user.arn, user.id)
        raise refusal(service, Refusal.UNKNOWN_KEY)


def denied(caller: Caller, action: str, resource: str) -> AwsError:
    """AWS's answer when a policy does not allow it."""
    message = f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource}"
    return AwsError(403, "AccessDenied", message)

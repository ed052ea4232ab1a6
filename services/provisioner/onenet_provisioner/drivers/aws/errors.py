"""AWS's errors in OneNet's words.

Codes are compared without regard to case: AWS itself writes ``…ConnectionId.NotFound`` and
``…ConnectionID.NotFound``. An answer that may have been lost after the call took effect is
Transient; whoever repeats the call observes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase

from aiohttp import ClientError as HttpError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ParamValidationError,
)
from botocore.parsers import ResponseParserError

from onenet_common.errors import OneNetError, PathRefused, Permanent, Throttled, Transient


class Missing(Transient):
    """The object is not there: gone, or not visible yet."""

    default_code = "missing"


class Present(Transient):
    """An object like it is there already; what it really is has to be looked at."""

    default_code = "present"


class NotReady(Transient):
    """The object is there, in a state that does not allow this now."""

    default_code = "not_ready"


class CredentialsExpired(Transient):
    """The assumed role's credentials were refused as too old; a new session may be let in."""

    default_code = "credentials_expired"


Translation = Callable[[str], OneNetError]


def _coded(kind: type[OneNetError], code: str) -> Translation:
    return lambda reason: kind(reason, code=code)


_BY_CODE: tuple[tuple[tuple[str, ...], Translation], ...] = (
    (
        ("requestlimitexceeded", "*throttl*", "toomanyrequests*", "slowdown", "*ratelimitexceeded"),
        Throttled,
    ),
    (("expiredtoken*", "requestexpired"), CredentialsExpired),
    (("invalidvpcid.notfound",), _coded(Permanent, "vpc_not_found")),
    (("*.notfound", "nosuch*"), Missing),
    (("*alreadyexists", "*.duplicate", "*alreadyassociated"), Present),
    (("incorrectstate*", "invalidstatetransition", "dependencyviolation"), NotReady),
    # Requests count while they wait to be accepted, which OneNet's own do for seconds only.
    (("pendingvpcpeeringconnectionlimitexceeded",), _coded(Transient, "pending_quota_reached")),
    (("*limitexceeded", "*quotaexceeded*"), _coded(PathRefused, "quota_reached")),
    (
        (
            "unauthorized*",
            "accessdenied*",
            "authfailure",
            "optinrequired",
            "unrecognizedclient*",
            "invalidclienttokenid",
            "signaturedoesnotmatch",
        ),
        _coded(Permanent, "access_denied"),
    ),
)
"""The first matching row decides; a throttle ends in ``LimitExceeded`` too, so it comes first."""


def translate(error: Exception) -> OneNetError:
    """Say what a foreign error means for the caller.

    Args:
        error: whatever an AWS call raised.

    Returns:
        An error of OneNet's tree, with AWS's own words as its reason. An unknown refusal is
        Permanent, an unknown failure on the way is Transient.
    """
    if isinstance(error, OneNetError):
        return error
    if isinstance(error, ClientError):
        return _refusal(error)
    if isinstance(error, ParamValidationError):
        return Permanent(str(error), code="invalid_parameter")
    return Transient(f"AWS could not be asked: {error or type(error).__name__}", code="provider_unreachable")


def _refusal(error: ClientError) -> OneNetError:
    answer = error.response.get("Error", {})
    code = answer.get("Code", "")
    reason = f"AWS {error.operation_name}: {code}: {answer.get('Message', '')}"
    for patterns, translation in _BY_CODE:
        if any(fnmatchcase(code.lower(), pattern) for pattern in patterns):
            return translation(reason)
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500:
        return Transient(reason, code="provider_failed")
    return Permanent(reason, code="provider_refused")


@contextmanager
def translated() -> Iterator[None]:
    """Let no foreign error out of the block."""
    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError, HttpError, OSError, TimeoutError) as error:
        raise translate(error) from error

"""What AWS's errors mean, by code."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from onenet_common.errors import OneNetError, PathRefused, Permanent, Throttled, Transient
from onenet_provisioner.drivers.aws.errors import (
    CredentialsExpired,
    Missing,
    NotReady,
    Present,
    translate,
    translated,
)


def refusal(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": "in AWS's words"},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "RequestId": "1",
                "HostId": "1",
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        "CreateRoute",
    )


@pytest.mark.parametrize(
    ("code", "status", "kind", "word"),
    [
        ("RequestLimitExceeded", 503, Throttled, "throttled"),
        ("Throttling", 400, Throttled, "throttled"),
        ("ThrottlingException", 400, Throttled, "throttled"),
        ("TooManyRequestsException", 429, Throttled, "throttled"),
        ("SlowDown", 503, Throttled, "throttled"),
        ("InternalError", 500, Transient, "provider_failed"),
        ("Unavailable", 503, Transient, "provider_failed"),
        ("IncorrectState", 400, NotReady, "not_ready"),
        ("InvalidStateTransition", 400, NotReady, "not_ready"),
        ("DependencyViolation", 400, NotReady, "not_ready"),
        ("InvalidVpcPeeringConnectionID.NotFound", 400, Missing, "missing"),
        ("InvalidVpcPeeringConnectionId.NotFound", 400, Missing, "missing"),
        ("InvalidRoute.NotFound", 400, Missing, "missing"),
        ("NoSuchResourceException", 400, Missing, "missing"),
        ("RouteAlreadyExists", 400, Present, "present"),
        ("VpcPeeringConnectionAlreadyExists", 400, Present, "present"),
        ("InvalidPermission.Duplicate", 400, Present, "present"),
        ("ExpiredToken", 403, CredentialsExpired, "credentials_expired"),
        ("ExpiredTokenException", 403, CredentialsExpired, "credentials_expired"),
        ("RequestExpired", 400, CredentialsExpired, "credentials_expired"),
        ("RouteLimitExceeded", 400, PathRefused, "quota_reached"),
        ("VpcPeeringConnectionLimitExceeded", 400, PathRefused, "quota_reached"),
        ("ActiveVpcPeeringConnectionPerVpcLimitExceeded", 400, PathRefused, "quota_reached"),
        ("PendingVpcPeeringConnectionLimitExceeded", 400, Transient, "pending_quota_reached"),
        ("UnauthorizedOperation", 403, Permanent, "access_denied"),
        ("AccessDenied", 403, Permanent, "access_denied"),
        ("AccessDeniedException", 400, Permanent, "access_denied"),
        ("AuthFailure", 401, Permanent, "access_denied"),
        ("OptInRequired", 403, Permanent, "access_denied"),
        ("InvalidVpcID.NotFound", 400, Permanent, "vpc_not_found"),
        ("InvalidParameterValue", 400, Permanent, "provider_refused"),
        ("OperationNotPermitted", 400, Permanent, "provider_refused"),
        ("SomethingNew", 400, Permanent, "provider_refused"),
    ],
)
@pytest.mark.parametrize("spelling", [str, str.lower, str.upper])
def test_a_code_means_the_same_in_any_case(
    code: str, status: int, kind: type[OneNetError], word: str, spelling: type[str]
) -> None:
    error = translate(refusal(spelling(code), status))
    assert type(error) is kind
    assert error.code == word


def test_awss_own_words_stay_in_the_reason() -> None:
    assert translate(refusal("AuthFailure")).reason == "AWS CreateRoute: AuthFailure: in AWS's words"


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://ec2"),
        ConnectionClosedError(endpoint_url="https://ec2"),
        EndpointConnectionError(endpoint_url="https://ec2"),
        ResponseParserError("not XML"),
        NoCredentialsError(),
        TimeoutError(),
        ConnectionResetError("reset by peer"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_answer_that_never_came_is_transient(error: Exception) -> None:
    with pytest.raises(Transient), translated():
        raise error


def test_a_call_that_botocore_will_not_send_is_permanent() -> None:
    with pytest.raises(Permanent, match="Missing required parameter"), translated():
        raise ParamValidationError(report="Missing required parameter")


def test_an_error_in_our_own_words_passes_as_it_is() -> None:
    error = PathRefused("no", code="quota_reached")
    assert translate(error) is error

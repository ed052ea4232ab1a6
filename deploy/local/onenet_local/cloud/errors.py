"""Errors in AWS's own words, written in the protocol of the service that is asked."""

from __future__ import annotations

import json
from enum import StrEnum
from uuid import uuid4
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response


class Protocol(StrEnum):
    EC2 = "ec2"
    QUERY = "query"
    REST_XML = "rest-xml"
    JSON = "json"


PROTOCOLS = {
    "ec2": Protocol.EC2,
    "sts": Protocol.QUERY,
    "iam": Protocol.QUERY,
    "sqs": Protocol.JSON,
    "sns": Protocol.QUERY,
    "monitoring": Protocol.QUERY,
    "elasticloadbalancing": Protocol.QUERY,
    "s3": Protocol.REST_XML,
}
"""The protocol by signing name; what is not listed speaks JSON."""


class AwsError(Exception):
    """An error as a client sees it: HTTP status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


class Refusal(StrEnum):
    """Why a call is answered without being carried out."""

    UNKNOWN_KEY = "unknown_key"
    EXPIRED = "expired"
    UNSIGNED = "unsigned"
    THROTTLED = "throttled"
    UNAUTHORIZED = "unauthorized"
    INTERNAL = "internal"


_BAD_KEY = "The security token included in the request is invalid."
_OLD_KEY = "The security token included in the request is expired"
_SLOW_DOWN = "Rate exceeded"
_BROKEN = "An internal error has occurred"

_WORDS: dict[Refusal, dict[Protocol, tuple[int, str, str]]] = {
    Refusal.UNKNOWN_KEY: {
        Protocol.EC2: (
            401,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        ),
        Protocol.QUERY: (403, "InvalidClientTokenId", _BAD_KEY),
        Protocol.REST_XML: (
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        Protocol.JSON: (400, "UnrecognizedClientException", _BAD_KEY),
    },
    Refusal.EXPIRED: {
        Protocol.EC2: (400, "RequestExpired", "Request has expired."),
        Protocol.QUERY: (403, "ExpiredToken", _OLD_KEY),
        Protocol.REST_XML: (400, "ExpiredToken", "The provided token has expired."),
        Protocol.JSON: (400, "ExpiredTokenException", _OLD_KEY),
    },
    Refusal.UNSIGNED: {
        Protocol.QUERY: (403, "MissingAuthenticationToken", "Request is missing Authentication Token"),
    },
    Refusal.THROTTLED: {
        Protocol.EC2: (503, "RequestLimitExceeded", "Request limit exceeded."),
        Protocol.QUERY: (400, "Throttling", _SLOW_DOWN),
        Protocol.REST_XML: (503, "SlowDown", "Please reduce your request rate."),
        Protocol.JSON: (400, "ThrottlingException", _SLOW_DOWN),
    },
    Refusal.UNAUTHORIZED: {
        Protocol.EC2: (403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
        Protocol.QUERY: (403, "AccessDenied", "User is not authorized to perform this operation"),
        Protocol.REST_XML: (403, "AccessDenied", "Access Denied"),
        Protocol.JSON: (400, "AccessDeniedException", "User is not authorized to perform this operation"),
    },
    Refusal.INTERNAL: {
        Protocol.EC2: (500, "InternalError", _BROKEN),
        Protocol.QUERY: (500, "InternalFailure", _BROKEN),
        Protocol.REST_XML: (500, "InternalError", "We encountered an internal error. Please try again."),
        Protocol.JSON: (500, "InternalServerError", _BROKEN),
    },
}


def protocol_of(service: str) -> Protocol:
    return PROTOCOLS.get(service, Protocol.JSON)


def refusal(service: str, why: Refusal) -> AwsError:
    """The error that ``service`` answers for this reason."""
    words = _WORDS[why]
    return AwsError(*words.get(protocol_of(service), words[Protocol.QUERY]))


def error_response(service: str, error: AwsError) -> Response:
    """The error as a response that botocore reads into a ClientError."""
    request_id = str(uuid4())
    protocol = protocol_of(service)
    if protocol is Protocol.JSON:
        body = json.dumps({"__type": error.code, "message": error.message})
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": error.code}
    else:
        body = _xml(protocol, escape(error.code), escape(error.message), request_id)
        headers = {"Content-Type": "text/xml"}
    return Response(body, error.status, {**headers, "x-amzn-RequestId": request_id})


def _xml(protocol: Protocol, code: str, message: str, request_id: str) -> str:
    words = f"<Code>{code}</Code><Message>{message}</Message>"
    if protocol is Protocol.EC2:
        return (
            f"<Response><Errors><Error>{words}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
    if protocol is Protocol.REST_XML:
        return f"<Error>{words}<RequestId>{request_id}</RequestId></Error>"
    return (
        f"<ErrorResponse><Error><Type>Sender</Type>{words}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )

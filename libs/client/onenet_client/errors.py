"""What can go wrong between a client and OneNet, and what the caller can do about it.

ClientError
├── BadInput            our own argument is wrong; ``errors`` says which and what would be right
├── NoMatch             a name or an abbreviated id that nothing visible bears
├── Ambiguous           a name that several things bear; ``candidates`` has them
├── Differs             what stands cannot be changed into what is wanted
├── NotSignedIn         no token, or one that cannot be renewed: sign in
│   └── SignInRefused   the issuer said no
├── Unreachable         no answer after all retries
├── TimedOut            the time given for waiting ran out
├── Ended               a connection settled in another state than the one waited for
├── Unexpected          an answer that is not OneNet's: a wrong URL, a proxy's page
└── Problem             the API said no, in the words of RFC 9457
    ├── Invalid         400, 413, 415, 422; ``errors`` has field, value and message
    ├── Unauthorised    401: sign in again
    ├── Forbidden       403
    ├── NotFound        404: it does not exist, or not for this user
    ├── Conflict        409
    │   └── Changed     412: somebody was faster; read again
    ├── Throttled       429, after all retries
    └── Faulty          500 and above
        └── Unavailable 502, 503, 504, after all retries

An ``httpx`` error leaves no function of this package; it is translated where it is caught.
"""

from __future__ import annotations

from http import HTTPStatus

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from onenet_common.errors import OneNetError


class FieldError(BaseModel):
    """One wrong field: where, what was given (as JSON text), what would be right."""

    model_config = ConfigDict(extra="allow", frozen=True)

    field: str = ""
    value: str | None = None
    message: str = ""


class ClientError(OneNetError):
    """The root of everything that this package raises on purpose."""

    default_code = "client_error"
    errors: tuple[FieldError, ...] = ()


class BadInput(ClientError):
    default_code = "bad_input"

    def __init__(self, reason: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(reason)
        self.errors = errors


class NoMatch(ClientError):
    default_code = "no_match"


class Ambiguous(ClientError):
    default_code = "ambiguous"

    def __init__(self, reason: str, candidates: tuple[str, ...]) -> None:
        super().__init__(reason)
        self.candidates = candidates


class Differs(ClientError):
    default_code = "differs"


class NotSignedIn(ClientError):
    default_code = "not_signed_in"


class SignInRefused(NotSignedIn):
    default_code = "sign_in_refused"


class Unreachable(ClientError):
    default_code = "unreachable"


class TimedOut(ClientError):
    default_code = "timed_out"


class Ended(ClientError):
    default_code = "ended"


class Unexpected(ClientError):
    default_code = "unexpected"


class ProblemDetails(BaseModel):
    """The body of an ``application/problem+json`` answer; extension members are kept."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = "about:blank"
    title: str = ""
    status: int = 0
    detail: str = ""
    instance: str = ""
    trace_id: str = ""
    errors: tuple[FieldError, ...] = ()


class Problem(ClientError):
    """The API answered, and the answer is no. ``details`` is all that it said."""

    default_code = "problem"

    def __init__(self, details: ProblemDetails) -> None:
        super().__init__(details.detail or details.title)
        self.details = details
        self.errors = details.errors

    @property
    def status(self) -> int:
        return self.details.status


class Invalid(Problem):
    default_code = "invalid"


class Unauthorised(Problem):
    default_code = "unauthorised"


class Forbidden(Problem):
    default_code = "forbidden"


class NotFound(Problem):
    default_code = "not_found"


class Conflict(Problem):
    default_code = "conflict"


class Changed(Conflict):
    default_code = "changed"


class Throttled(Problem):
    default_code = "throttled"


class Faulty(Problem):
    default_code = "faulty"


class Unavailable(Faulty):
    default_code = "unavailable"


BY_STATUS: dict[int, type[Problem]] = {
    400: Invalid,
    401: Unauthorised,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Changed,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Throttled,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def problem(response: httpx.Response) -> Problem:
    """The exception for an answer of 400 or above, whoever wrote it."""
    status = response.status_code
    kind = BY_STATUS.get(status, Faulty if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Problem)
    return kind(_details(response))


def _details(response: httpx.Response) -> ProblemDetails:
    """A proxy answers with its own page, so anything unreadable becomes the bare status."""
    status = response.status_code
    try:
        said = ProblemDetails.model_validate_json(response.content)
    except ValidationError:
        said = ProblemDetails()
    title = said.title or f"HTTP {status} {response.reason_phrase}".rstrip()
    return said.model_copy(update={"status": status, "title": title})

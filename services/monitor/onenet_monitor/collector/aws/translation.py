"""AWS's errors in the collector's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import ClientError as HttpError
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
from botocore.parsers import ResponseParserError

from onenet_common.errors import OneNetError
from onenet_monitor.collector.errors import CloudAway, Refused
from onenet_monitor.collector.outcomes import Outcome

_GONE = {
    "nosuchkey": Outcome.OBJECT_GONE,
    "nosuchbucket": Outcome.BUCKET_GONE,
}
_TRANSIENT = ("throttl", "slowdown", "toomanyrequests", "requestlimit", "expiredtoken", "timeout", "internal")


@contextmanager
def translated() -> Iterator[None]:
    """Let no error of AWS out of the block.

    Raises:
        Refused: the same call would be refused again.
        CloudAway: the same call may succeed later.
    """
    try:
        yield
    except ClientError as error:
        raise _refusal(error) from error
    except NoCredentialsError as error:
        raise Refused(str(error), code=Outcome.ACCESS_DENIED) from error
    except (BotoCoreError, HTTPClientError, ResponseParserError, HttpError, OSError, TimeoutError) as error:
        raise CloudAway(f"AWS could not be asked: {error or type(error).__name__}") from error


def _refusal(error: ClientError) -> OneNetError:
    answer = error.response.get("Error", {})
    code = str(answer.get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    reason = f"AWS {error.operation_name}: {code}: {answer.get('Message', '')}"
    word = code.lower()
    if word in _GONE:
        return Refused(reason, code=_GONE[word])
    if status >= 500 or any(part in word for part in _TRANSIENT):
        return CloudAway(reason, code="provider_failed")
    if status in (401, 403) or "denied" in word:
        return Refused(reason, code=Outcome.ACCESS_DENIED)
    return Refused(reason)

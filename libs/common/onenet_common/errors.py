"""What can go wrong, and what the caller should do about it.

OneNetError
├── Permanent          repeating the same call cannot help; tell somebody
│   ├── Malformed      a message or a value that breaks its own contract
│   ├── PathRefused    this ctype cannot be built here, another one may
│   └── Conflict       something that is not ours is in the way
└── Transient          the same call may succeed later; back off and repeat
    └── Throttled      the provider asked to slow down

Foreign errors (a ``ClientError``, a ``PostgresError``) are translated into this tree where
they are caught; the type alone decides between giving up and trying again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Self

SIDES = ("left", "right")


class OneNetError(Exception):
    """An error with a stable code for machines and a sentence for people.

    Args:
        reason: what happened, in words that can be shown to a user.
        code: a stable lower-case word for metrics and clients, such as ``quota_reached``.
        told: by side, what the owner of that side of a connection alone may read of it. A side that
            is missing reads none of it, since the reason may quote the other side's account.
        shared: the reason quotes neither side's account, or nothing but what both see of the other.
    """

    default_code = "error"

    def __init__(
        self,
        reason: str,
        *,
        code: str | None = None,
        told: Mapping[str, str] | None = None,
        shared: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code or self.default_code
        self.told: Mapping[str, str] = dict.fromkeys(SIDES, reason) if shared else told or {}

    def about(self, *sides: str) -> Self:
        """This error as one about these sides' accounts, unless it says itself who may read it.

        A copy: what several connections wait for fails for all of them with one error, and an account
        may be another side in each.
        """
        if self.told:
            return self
        error = copy.copy(self)
        error.told = dict.fromkeys(sides, self.reason)
        return error


class Permanent(OneNetError):
    default_code = "permanent"


class Malformed(Permanent):
    default_code = "malformed"


class PathRefused(Permanent):
    default_code = "path_refused"


class Conflict(Permanent):
    default_code = "conflict"


class Transient(OneNetError):
    default_code = "transient"


class Throttled(Transient):
    default_code = "throttled"

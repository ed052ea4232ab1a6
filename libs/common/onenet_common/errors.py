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


class OneNetError(Exception):
    """An error with a stable code for machines and a sentence for people.

    Args:
        reason: what happened, in words that can be shown to a user.
        code: a stable lower-case word for metrics and clients, such as ``quota_reached``.
    """

    default_code = "error"

    def __init__(self, reason: str, *, code: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code or self.default_code


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

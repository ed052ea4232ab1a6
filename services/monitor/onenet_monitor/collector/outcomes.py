"""What can become of a file, and of the message that told of it."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """A word for metrics, logs and the table of files."""

    READ = "read"
    REPEATED = "repeated"
    NOTHING_TO_READ = "nothing_to_read"
    UNKNOWN_EXPORTER = "unknown_exporter"
    NOT_GZIP = "not_gzip"
    NO_HEADER = "no_header"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    TOO_LARGE = "too_large"
    OBJECT_GONE = "object_gone"
    BUCKET_GONE = "bucket_gone"
    MALFORMED = "malformed"
    ACCESS_DENIED = "access_denied"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def settled(self) -> bool:
        """Nothing more will ever come of the message, so that it is deleted.

        The others are left on the queue, whose redrive policy puts them aside after some tries: somebody can
        give the access that is missing, or wants to see what cannot be read.
        """
        return self not in _LEFT


_LEFT = frozenset((Outcome.MALFORMED, Outcome.ACCESS_DENIED, Outcome.FAILED, Outcome.INTERRUPTED))

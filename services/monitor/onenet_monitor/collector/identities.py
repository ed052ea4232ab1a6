"""What makes a file, and a message cut from it, the same one again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

_NAMESPACE = UUID("6b0f2f3c-5b1e-5f0a-9a43-0d0b6f4a2c11")


@dataclass(frozen=True, slots=True)
class File:
    """An object with its content: what is written under the same key later is another file."""

    bucket: str
    key: str
    etag: str

    @property
    def id(self) -> UUID:
        return uuid5(_NAMESPACE, "\0".join((self.bucket, self.key, self.etag)))

    @property
    def address(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def chunk(self, number: int) -> UUID:
        """The identity of a message, whoever publishes it and however often."""
        return uuid5(self.id, str(number))

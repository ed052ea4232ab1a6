"""Successful responses: an object with its version as entity tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fastapi import Response

from onenet_api.etags import tag


class View(Protocol):
    """What users see of an object."""

    @property
    def version(self) -> int: ...

    def model_dump_json(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A response in parts, so that it can be stored and given again.

    Args:
        body: JSON text.
        location: where the created object is; empty for none.
    """

    status: int
    body: str
    etag: str
    location: str = ""

    @classmethod
    def of(cls, view: View, status: int = 200, location: str = "") -> Answer:
        return cls(status, view.model_dump_json(), tag(view.version), location)

    def response(self, *, replayed: bool = False) -> Response:
        headers = {"ETag": self.etag} if self.etag else {}
        if self.location:
            headers["Location"] = self.location
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        media_type = "application/json" if self.body else None
        return Response(self.body, self.status, headers, media_type)


REMOVED = Answer(204, "", "")


def show(view: View) -> Response:
    """200 with the object as it is."""
    return Answer.of(view).response()

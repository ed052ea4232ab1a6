"""What all of the API's objects have in common."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


M = TypeVar("M", bound=Model)


class Page(Model, Generic[M]):
    """A part of a list. ``next`` is the cursor of the following part, None on the last."""

    items: tuple[M, ...]
    next: str | None = None

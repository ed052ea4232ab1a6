"""Loading a program's modules without looking for garbage among them: nothing of them ever is."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """What is imported meanwhile is not gone through again and again; that spares up to a third of the time.

    For programs, and not for a library's own imports: whoever uses that decides for themselves.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

"""Garbage is looked for again after loading, whatever came of that."""

from __future__ import annotations

import gc

import pytest

from onenet_common.loading import loading


def test_garbage_is_not_looked_for_while_modules_are_loaded_and_is_afterwards() -> None:
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert gc.isenabled()

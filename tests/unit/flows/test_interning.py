"""Texts as small numbers: each its own, the same each time, however few the slots are."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from onenet_monitor.flows.interning import Interner

TEXTS = st.none() | st.text("ab.é", max_size=4) | st.integers(0, 300).map(lambda one: f"198.51.100.{one}")


@given(st.integers(1, 6), st.lists(st.lists(TEXTS, max_size=60), max_size=6))
def test_a_text_has_one_number_and_the_number_leads_back_to_it(
    slot_bits: int, batches: list[list[str | None]]
) -> None:
    interner = Interner(slot_bits)
    number_of: dict[str, int] = {}
    for batch in batches:
        numbers = interner.numbers(pl.Series(batch, dtype=pl.String)).tolist()
        plain = [text or "" for text in batch]
        assert interner.texts.gather(numbers).to_list() == plain
        for text, number in zip(plain, numbers, strict=True):
            assert number_of.setdefault(text, number) == number
    assert len(interner) == len(number_of.keys() | {""})

"""Texts as small numbers, so that what is found out about one is found out once. Pure but for its memory."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from onenet_monitor.flows.moments import Ints


class Interner:
    """Numbers texts in the order in which they come first; null counts as empty, which is number 0.

    Nearly every text of flow logs has come before: the slot that its hash leads to has its number. Texts
    are compared, so that two never share one. It remembers all, and belongs to one thread.

    Args:
        slot_bits: there are two to the power of this many slots; with four times as many as texts, one of
            nine finds its slot taken and is looked for in a dictionary.
    """

    def __init__(self, slot_bits: int = 20) -> None:
        self._shift = np.uint64(64 - slot_bits)
        self._slots = np.zeros(1 << slot_bits, dtype=np.uint32)
        self._crowded_out = {"": 0}
        self.texts = pl.Series("text", [""])

    def __len__(self) -> int:
        return len(self.texts)

    def numbers(self, texts: pl.Series) -> Ints:
        """The number of each text, its place in ``texts``."""
        texts = texts.fill_null("")
        numbers = self._in_slots(texts)
        missing = self._others(numbers, texts)
        if len(missing):
            missed = texts.gather(missing)
            self._learn(missed.unique(maintain_order=True))
            found = self._in_slots(missed)
            crowded_out = self._others(found, missed)
            found[crowded_out] = [self._crowded_out[text] for text in missed.gather(crowded_out)]
            numbers[missing] = found
        return numbers.astype(np.int64)

    def _in_slots(self, texts: pl.Series) -> NDArray[np.uint32]:
        """What the slots have for each, right or wrong; an empty one leads to 0."""
        return self._slots[self._slots_of(texts)]

    def _others(self, numbers: NDArray[np.uint32], texts: pl.Series) -> Ints:
        """Where a number is another text's."""
        return (self.texts.gather(pl.Series(numbers)) != texts).arg_true().to_numpy().astype(np.int64)

    def _learn(self, missed: pl.Series) -> None:
        """Number those that are new, which is who was not crowded out, and let them into free slots."""
        taken = np.flatnonzero(self._in_slots(missed))
        crowded = zip(taken, missed.gather(taken), strict=True)
        known = [place for place, text in crowded if text in self._crowded_out]
        fresh = missed.gather(np.delete(np.arange(len(missed)), known)).alias(self.texts.name)
        numbers = np.arange(len(self), len(self) + len(fresh), dtype=np.uint32)
        self.texts = pl.concat([self.texts, fresh], rechunk=True)
        slots = self._slots_of(fresh)
        free = self._slots[slots] == 0
        self._slots[slots[free]] = numbers[free]
        late = np.flatnonzero(self._slots[slots] != numbers)
        self._crowded_out.update(zip(fresh.gather(late), numbers[late].tolist(), strict=True))

    def _slots_of(self, texts: pl.Series) -> NDArray[np.uint64]:
        return texts.hash().to_numpy() >> self._shift

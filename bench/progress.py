"""Tells what is going on, apart from the figures."""

from __future__ import annotations

from rich.console import Console

_console = Console(stderr=True, highlight=False, markup=False)


def tell(sentence: str) -> None:
    """One line for whoever waits."""
    _console.print(f"  {sentence}", soft_wrap=True)

"""The access keys of account owners, which need no look-up."""

from __future__ import annotations

import re

OWNER_KEY = re.compile(r"LOCAL(\d{12})")


def owner_key(account: str) -> str:
    """The access key id with which the owner of ``account`` signs."""
    return f"LOCAL{account}"

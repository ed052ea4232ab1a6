"""What is wrong with a value and what would be right, for who writes JSON or YAML and no Python. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_BY_TYPE = {
    "missing": "is required",
    "extra_forbidden": "there is no such field; the API's /docs lists what there is",
    "tuple_type": "give a list",
    "list_type": "give a list",
    "set_type": "give a list",
    "dict_type": "give an object",
    "model_type": "give an object",
    "model_attributes_type": "give an object",
}
_BY_PATTERN = {
    r"^[^\x00-\x1f\x7f]+$": "must have no control characters, such as NUL or a line break",
    r"^[^\x00]*$": "must not contain NUL",
    r"^[\x21-\x7e]+$": "must be of visible ASCII characters, without spaces",
}
_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")
"""A member of an enumeration as Python shows it."""


def of(problem: Mapping[str, Any]) -> str:
    """One sentence for one of pydantic's errors."""
    kind = problem["type"]
    if kind == "string_pattern_mismatch" and (words := _BY_PATTERN.get(problem["ctx"]["pattern"])):
        return words
    if kind == "union_tag_invalid":
        return f"one of {problem['ctx']['expected_tags']} is expected"
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    return _MEMBER.sub(r"\1", problem["msg"]).removeprefix("Value error, ")

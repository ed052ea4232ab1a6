"""Whether a role's trust policy lets somebody assume it: a pure decision."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from onenet_local.cloud.credentials import Caller

ASSUME_ROLE = "sts:AssumeRole"


def trusts(document: str, caller: Caller, external_id: str | None) -> bool:
    """Evaluate a trust policy as AWS does: an explicit Deny wins, silence refuses.

    Conditions other than StringEquals, StringLike and their negations, or on keys that the local
    cloud does not know, are not met: what cannot be judged is refused.

    Args:
        document: the role's AssumeRolePolicyDocument.
        caller: who asks.
        external_id: the ExternalId of the request, None when it had none.
    """
    facts = {"sts:ExternalId": external_id, "aws:PrincipalArn": caller.role_arn or caller.arn}
    facts["aws:PrincipalAccount"] = caller.account
    effects = {
        statement.get("Effect")
        for statement in _list(json.loads(document).get("Statement", []))
        if _concerns(statement, caller) and _conditions_met(statement.get("Condition", {}), facts)
    }
    return "Allow" in effects and "Deny" not in effects


def _concerns(statement: Mapping[str, Any], caller: Caller) -> bool:
    actions = _list(statement.get("Action", []))
    principal = statement.get("Principal", {})
    named = _list(principal.get("AWS", []) if isinstance(principal, Mapping) else principal)
    names = {"*", caller.account, f"arn:aws:iam::{caller.account}:root", caller.arn, caller.role_arn}
    return any(fnmatchcase(ASSUME_ROLE, action) for action in actions) and any(one in names for one in named)


def _conditions_met(conditions: Mapping[str, Any], facts: Mapping[str, str | None]) -> bool:
    return all(
        _met(operator, facts.get(key), [str(value) for value in _list(wanted)])
        for operator, tests in conditions.items()
        for key, wanted in tests.items()
    )


def _met(operator: str, fact: str | None, wanted: Collection[str]) -> bool:
    match operator:
        case "StringEquals":
            return fact is not None and fact in wanted
        case "StringLike":
            return fact is not None and any(fnmatchcase(fact, pattern) for pattern in wanted)
        case "StringNotEquals":
            return fact not in wanted
        case "StringNotLike":
            return fact is None or not any(fnmatchcase(fact, pattern) for pattern in wanted)
        case _:
            return False


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

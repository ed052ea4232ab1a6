"""Service Quotas that tell the limits in force."""

from __future__ import annotations

import json

from moto.servicequotas.responses import ServiceQuotasResponse

from onenet_local.cloud.credentials import Caller
from onenet_local.cloud.rules import Rules
from onenet_local.cloud.state import Cloud

QUOTAS = {
    "L-7E9ECCDB": "peerings_per_vpc",
    "L-DC9F7029": "pending_peerings",
    "L-93826ACB": "routes_per_table",
}
"""VPC quota codes and the number in ``Rules`` that each one tells."""


class Quotas(ServiceQuotasResponse):
    """moto's Service Quotas with the values of the local cloud's own rules."""

    def __init__(self, cloud: Cloud, caller: Caller) -> None:
        super().__init__()
        self._rules = cloud.rules

    def get_service_quota(self) -> str:
        asked = json.loads(self.body)
        quota = self.backend.get_service_quota(asked["ServiceCode"], asked["QuotaCode"])
        return json.dumps({"Quota": _in_force(quota, self._rules)})


def _in_force(quota: dict[str, object], rules: Rules) -> dict[str, object]:
    name = QUOTAS.get(str(quota["QuotaCode"]))
    return quota if name is None else {**quota, "Value": float(getattr(rules, name))}

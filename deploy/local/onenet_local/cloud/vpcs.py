"""VPCs by AWS's rules: a VPC takes its active peerings with it."""

from __future__ import annotations

from moto.core.responses import ActionResult
from moto.ec2.responses.vpcs import VPCs

from onenet_local.cloud.lifecycle import LIVE
from onenet_local.cloud.state import Cloud


class Vpcs(VPCs):
    """The operations on VPCs, for one call of one account in one region."""

    cloud: Cloud

    def delete_vpc(self) -> ActionResult:
        vpc_id = self._get_param("VpcId")
        answer = super().delete_vpc()
        for peering in list(self.ec2_backend.vpc_pcxs.values()):
            if peering.involves(vpc_id) and peering.code in LIVE:
                peering.end(self.current_account, self.cloud.rules.settle)
        return answer

"""Flow logs by AWS's rules: buckets of any account, folders in them, refusals inside a success.

No traffic is logged here: ``onenet_local.traffic.delivering`` makes files up.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.flow_logs import FlowLogs as MotoFlowLogs
from moto.s3.models import s3_backends


class FlowLogs(MotoFlowLogs):
    """The operations on flow logs, for one call of one account in one region."""

    def create_flow_logs(self) -> ActionResult:
        destination = self._get_param("LogDestination") or ""
        if self._get_param("LogDestinationType") != "s3":
            return super().create_flow_logs()
        if refused := self._refused(destination):
            return ActionResult({"FlowLogIds": [], "Unsuccessful": refused})
        # moto takes the folder for a part of the bucket's name.
        self.params["LogDestination"] = destination.partition("/")[0]
        answer = super().create_flow_logs()
        made: Any = answer.result
        for flow_log in made["FlowLogIds"]:
            self.ec2_backend.flow_logs[flow_log].log_destination = destination
        return answer

    def delete_flow_logs(self) -> ActionResult:
        known, tags = self.ec2_backend.flow_logs, self.ec2_backend.tags
        unknown = []
        for one in self._get_param("FlowLogIds", []):
            if known.pop(one, None) is None:
                unknown.append(one)
            tags.pop(one, None)
        missing = "The flow log ID does not exist"
        return ActionResult(
            {"Unsuccessful": [_item(one, "InvalidFlowLogId.NotFound", missing) for one in unknown]}
        )

    def _refused(self, destination: str) -> list[dict[str, Any]]:
        """Why each of the call's networks gets no flow log, if there is a reason."""
        bucket = destination.partition(":::")[2].partition("/")[0]
        resources = self._get_param("ResourceIds", [])
        if bucket not in s3_backends.bucket_accounts:
            message = f"LogDestination: {bucket} does not exist"
            return [_item(resource, "400", message) for resource in resources]
        message = "There is an existing Flow Log with the same configuration and log destination."
        return [
            _item(resource, "FlowLogAlreadyExists", message)
            for resource in resources
            if any(
                (log.resource_id, log.log_destination) == (resource, destination)
                for log in self.ec2_backend.flow_logs.values()
            )
        ]


def _item(resource: str, code: str, message: str) -> dict[str, Any]:
    return {"ResourceId": resource, "Error": {"Code": code, "Message": message}}

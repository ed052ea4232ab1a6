"""What the provisioner can be told."""

from __future__ import annotations

from pydantic import Field

from onenet_common.settings import Settings


def _named(name: str) -> str:
    return f"ONENET_PROVISIONER_{name}"


class ProvisionerSettings(Settings):
    """Times in seconds.

    Args:
        aws_endpoint_url: where AWS's APIs are, when not at AWS.
        aws_dns_resolution: let each side of a peering resolve the other's private names.
        aws_flow_logs_bucket: ARN of the bucket, or of a folder in it, that the flow logs of connected VPCs go
            to; OneNet makes them. None are made or looked at without one.
        watch_interval: between looks at an established link.
        discovery_interval: between looks at a provider.
        discovery_after_change: until the networks of a link that was just built are looked at.
        deadline: that a new link may take before it is given up and undone.
        concurrency: links in hand at once.
        driver: ``memory`` replaces every cloud by a pretended one, for measuring OneNet itself.
    """

    aws_endpoint_url: str | None = Field(default=None, validation_alias=_named("AWS_ENDPOINT_URL"))
    aws_dns_resolution: bool = Field(default=True, validation_alias=_named("AWS_DNS_RESOLUTION"))
    aws_flow_logs_bucket: str = Field(
        default="",
        pattern="^(arn:aws[a-z-]*:s3:::[^/]+(/.*)?)?$",
        validation_alias=_named("AWS_FLOW_LOGS_BUCKET"),
    )
    watch_interval: float = Field(default=60, gt=0, validation_alias=_named("WATCH_INTERVAL"))
    discovery_interval: float = Field(default=300, gt=0, validation_alias=_named("DISCOVERY_INTERVAL"))
    discovery_after_change: float = Field(default=10, gt=0, validation_alias=_named("DISCOVERY_AFTER_CHANGE"))
    deadline: float = Field(default=900, gt=0, validation_alias=_named("DEADLINE"))
    concurrency: int = Field(default=64, ge=1, le=1000, validation_alias=_named("CONCURRENCY"))
    driver: str = Field(default="cloud", pattern="^(cloud|memory)$", validation_alias=_named("DRIVER"))

"""``python -m onenet_local.traffic``: made-up traffic beside a stack, as long as that runs."""

from __future__ import annotations

from onenet_common.runner import Component, run
from onenet_common.settings import load
from onenet_local.settings import LocalSettings
from onenet_local.traffic.delivering import Delivery
from onenet_local.traffic.living import Living


class TrafficSettings(LocalSettings):
    """Beside the stack's settings what the stack alone tells.

    Args:
        local_traffic_cloud: address of the local cloud whose buckets take the flow logs; the broker does
            when there is none.
    """

    local_traffic_cloud: str | None = None


def wire(settings: TrafficSettings) -> list[Component]:
    cloud = settings.local_traffic_cloud
    delivery = Delivery(cloud) if cloud is not None else None
    return [Living(settings.kafka, rate=settings.local_traffic, delivery=delivery)]


if __name__ == "__main__":
    settings = load(TrafficSettings, "LOCAL")
    run("onenet-traffic", settings, lambda: wire(settings))

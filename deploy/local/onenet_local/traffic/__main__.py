"""``python -m onenet_local.traffic``: made-up traffic beside a stack, as long as that runs."""

from __future__ import annotations

from onenet_common.runner import run
from onenet_common.settings import load
from onenet_local.settings import LocalSettings
from onenet_local.traffic.living import Living

if __name__ == "__main__":
    settings = load(LocalSettings, "LOCAL")
    run("onenet-traffic", settings, lambda: [Living(settings.kafka, rate=settings.local_traffic)])

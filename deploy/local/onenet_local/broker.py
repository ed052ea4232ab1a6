"""The brokers to choose from: the embedded one, Apache Kafka, or one that runs already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from onenet_local.apache_kafka import ApacheKafka
from onenet_local.settings import LocalSettings
from onenet_local.tansu import Tansu


@dataclass(frozen=True)
class RunningKafka:
    """An Apache Kafka that is somebody else's to start and to stop.

    Args:
        address: ``host:port``.
    """

    address: str
    CLIENTS: ClassVar = ApacheKafka.CLIENTS


Broker = Tansu | ApacheKafka | RunningKafka

BROKERS: dict[str, type[Tansu] | type[ApacheKafka]] = {"tansu": Tansu, "apache": ApacheKafka}


def choose(folder: Path, settings: LocalSettings) -> Broker:
    """The broker that the settings name; one of our own has its data and its log in the folder."""
    if settings.local_kafka is not None:
        return RunningKafka(settings.local_kafka)
    return BROKERS[settings.local_broker](folder, port=settings.local_broker_port or None)

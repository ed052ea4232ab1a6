"""What the collector is told is checked before it starts."""

from __future__ import annotations

import pytest

from onenet_common.settings import load
from onenet_monitor.collector.settings import CollectorSettings

QUEUE = "https://sqs.eu-north-1.amazonaws.com/111111111111/flow-logs"


def test_the_region_is_told_by_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONENET_COLLECTOR_QUEUE_URL", QUEUE)
    assert load(CollectorSettings, "COLLECTOR").region == "eu-north-1"


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({}, "ONENET_COLLECTOR_QUEUE_URL"),
        ({"QUEUE_URL": "http://127.0.0.1:5000/1/q"}, "does not say in which region the queue is"),
        ({"QUEUE_URL": QUEUE, "QUEUE": "x"}, "ONENET_COLLECTOR_QUEUE: no such setting"),
    ],
    ids=["no queue", "no region", "misspelt"],
)
def test_what_is_missing_is_named(
    told: dict[str, str], complaint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in told.items():
        monkeypatch.setenv(f"ONENET_COLLECTOR_{name}", value)
    with pytest.raises(SystemExit):
        load(CollectorSettings, "COLLECTOR")
    assert complaint in capsys.readouterr().err

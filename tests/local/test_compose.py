"""docker-compose.yml starts what there is, tells it what it knows, and runs the same bytes every time."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from onenet_api.settings import ApiSettings
from onenet_common.settings import Settings, known_names, unknown_names
from onenet_evaluator.settings import EvaluatorSettings
from onenet_local.apache_kafka import POM
from onenet_local.services import COLLECTOR, FLOW_LOGS, KEY_OF_NO_SECRETS, Addresses
from onenet_local.services import SERVICES as LOCAL
from onenet_local.traffic.__main__ import TrafficSettings
from onenet_monitor.collector.settings import CollectorSettings
from onenet_monitor.settings import MonitorSettings
from onenet_provisioner.settings import ProvisionerSettings
from tests.compose import SERVICES, TREE, VOLUMES

ONENET = (*LOCAL, COLLECTOR)
SETTINGS: dict[str, type[Settings]] = {
    "api": ApiSettings,
    "evaluator": EvaluatorSettings,
    "provisioner": ProvisionerSettings,
    "monitor": MonitorSettings,
    "flows": MonitorSettings,
    "collector": CollectorSettings,
}
DOCKERFILE = (TREE / "Dockerfile").read_text()
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z-]+)?")

UNCHECKED = {
    "otel-collector": "its image has nothing that could ask",
    "demo": "it ends by itself",
}
CLOUD = "http://cloud:5000"
ANYWHERE = Addresses(database="", kafka="", cloud=CLOUD, issuer="", api="", flow_logs=FLOW_LOGS)

every_service = pytest.mark.parametrize("name", SERVICES)


def test_every_service_of_onenet_runs_by_its_own_command() -> None:
    assert {one.name: SERVICES[one.name]["command"] for one in ONENET} == {
        one.name: list(one.words) for one in ONENET
    }


@pytest.mark.parametrize("service", ONENET, ids=lambda one: one.name)
def test_a_service_is_told_what_it_knows_and_what_the_embedded_stack_tells_it(service: Any) -> None:
    told = SERVICES[service.name]["environment"]
    known = known_names(SETTINGS[service.name])
    assert list(unknown_names(told, known, service.prefix.split("_")[1])) == []
    foreign = [name for name in told if name.startswith("ONENET_") and name not in known]
    assert foreign == [], "a setting of another service"
    assert ("ONENET_DATABASE_URL" in told) == service.has_database
    assert {"ONENET_KAFKA", "ONENET_OTLP_ENDPOINT"} <= told.keys()
    # The image listens everywhere, and its home holds no files of AWS's.
    inherent = {"ONENET_API_HOST", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"}
    # In a container nobody listens for webhooks but the API itself.
    useless = {"ONENET_API_WEBHOOKS_LOOPBACK"}
    assert service.told(ANYWHERE).keys() - inherent - useless <= told.keys()


def test_webhooks_secrets_are_sealed_with_a_key_that_is_known_to_keep_none() -> None:
    assert SERVICES["api"]["environment"]["ONENET_API_SECRETS_KEYS"] == KEY_OF_NO_SECRETS


@pytest.mark.parametrize("service", ONENET, ids=lambda one: one.name)
def test_values_are_ones_that_the_service_takes(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES[service.name]["environment"].items():
        assert isinstance(value, str), f"{name}: Compose turns numbers and booleans into words of its own"
        monkeypatch.setenv(name, value)
    SETTINGS[service.name]()


def test_flow_logs_go_to_the_bucket_that_the_cloud_starts_with_and_come_from_its_queue() -> None:
    told = {name: value for one in ONENET for name, value in one.told(ANYWHERE).items()}
    for service, name in (
        ("provisioner", "ONENET_PROVISIONER_AWS_FLOW_LOGS_BUCKET"),
        ("collector", "ONENET_COLLECTOR_QUEUE_URL"),
        ("collector", "ONENET_COLLECTOR_AWS_REGION"),
    ):
        assert SERVICES[service]["environment"][name] == told[name]
    region = told["ONENET_COLLECTOR_AWS_REGION"]
    assert SERVICES["cloud"]["command"][-3:] == ["--flow-logs", FLOW_LOGS, region]


def test_made_up_traffic_is_told_where_the_cloud_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told = SERVICES["traffic"]["environment"]
    assert list(unknown_names(told, known_names(TrafficSettings), "LOCAL")) == []
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert TrafficSettings().local_traffic_cloud == CLOUD


@every_service
def test_images_are_pinned(name: str) -> None:
    assert PINNED.fullmatch(SERVICES[name]["image"])


def test_the_dockerfile_builds_on_one_pinned_image() -> None:
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert len(bases) == 1
    assert PINNED.fullmatch(bases.pop())


def test_kafka_is_the_one_that_other_tests_run_on() -> None:
    pom = ElementTree.parse(POM)  # noqa: S314  # our own file
    wanted = pom.findtext(".//{*}kafka.version")
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{wanted}"


@every_service
def test_what_is_mounted_is_there(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        assert source in VOLUMES or (TREE / source).exists(), f"{source} is missing"
        assert source in VOLUMES or mount.endswith(":ro"), f"{mount} can be written to"


@every_service
def test_a_service_says_whether_it_is_well(name: str) -> None:
    image_asks = SERVICES[name]["image"].startswith("onenet:") and "\nHEALTHCHECK " in DOCKERFILE
    check = SERVICES[name].get("healthcheck", {"test": image_asks})
    assert bool(check.get("test")) == (name not in UNCHECKED)


@every_service
def test_nothing_waits_for_one_that_cannot_say_that_it_is_well(name: str) -> None:
    needs = SERVICES[name].get("depends_on", {})
    assert all(need["condition"] == "service_healthy" for need in needs.values())
    assert not needs.keys() & UNCHECKED.keys()


@every_service
def test_containers_are_closed(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_what_keeps_traces_in_memory_stays_below_its_containers_limit() -> None:
    for name in ("otel-collector", "jaeger"):
        limit = int(SERVICES[name]["mem_limit"].removesuffix("m"))
        assert int(SERVICES[name]["environment"]["GOMEMLIMIT"].removesuffix("MiB")) <= 0.8 * limit
    told = yaml.safe_load((TREE / "deploy/compose/otel-collector.yaml").read_text())
    refuses_at = told["processors"]["memory_limiter"]["limit_mib"]
    assert refuses_at < int(SERVICES["otel-collector"]["environment"]["GOMEMLIMIT"].removesuffix("MiB"))
    assert any(word.endswith("max_traces=20000") for word in SERVICES["jaeger"]["command"])


@every_service
def test_ports_are_open_to_this_machine_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_the_image_runs_as_nobody_in_particular() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)


def test_prometheus_scrapes_every_service_where_the_image_has_its_figures() -> None:
    scraped = yaml.safe_load((TREE / "deploy/compose/prometheus.yml").read_text())["scrape_configs"]
    port = int(re.findall(r"ONENET_OPS_PORT=(\d+)", DOCKERFILE)[0])
    assert {(one["job_name"], *one["dns_sd_configs"][0]["names"]) for one in scraped} == {
        (f"onenet-{one.name}", one.name) for one in ONENET
    }
    assert {one["dns_sd_configs"][0]["port"] for one in scraped} == {port}


def test_tokens_name_the_issuer_that_the_api_trusts() -> None:
    issuer = SERVICES["api"]["environment"]["ONENET_API_OIDC_ISSUER"]
    assert f"--url={issuer}" in SERVICES["issuer"]["command"]

"""The command, run in this process against the fake API."""

from __future__ import annotations

import json
from uuid import NAMESPACE_URL, uuid5

import pytest
import yaml
from fastapi import Response
from fastapi.responses import JSONResponse

from tests.client.conftest import Run
from tests.client.fake_api import FakeApi, Thing

WEST = ("vpc-1a1a1a1a", "10.0.0.0/16")
EAST = ("vpc-2b2b2b2b", "10.1.0.0/16")
EAST_ID = str(uuid5(NAMESPACE_URL, EAST[0]))[:8]


@pytest.fixture
def orders(api: FakeApi) -> Thing:
    return api.add_service("orders", "alice", vpcs=[WEST])


@pytest.fixture
def billing(api: FakeApi) -> Thing:
    return api.add_service("billing", "bob", vpcs=[EAST])


@pytest.fixture
def pending(api: FakeApi, orders: Thing, billing: Thing) -> Thing:
    """Asked for by alice, waiting for bob."""
    left, right = api.tables["resources"]
    rule = {"protocol": "tcp", "from_port": 443, "to_port": 443, "direction": "both"}
    return api.request_connection(
        "alice", {"resource_left": left, "resource_right": right, "name": "pay", "l4filters": [rule]}
    )


def test_help_begins_with_where_to_start(onenet: Run) -> None:
    shown = onenet("--help").out.partition("Start here")[2]
    steps = [shown.index(word) for word in ("login", "apply", "connect", "approve", "watch")]
    assert steps == sorted(steps)


@pytest.mark.parametrize(
    "command",
    [
        "login",
        "apply",
        "connect",
        "approve",
        "watch",
        "refuse",
        "change",
        "retry",
        "discover",
        "delete",
        "get",
        "describe",
        "health",
        "timeline",
        "audit",
        "events",
        "traffic",
        "top",
        "deps",
        "whoami",
        "logout",
        "profiles",
        "completion",
        "version",
    ],
)
def test_every_command_explains_itself_with_an_example(onenet: Run, command: str) -> None:
    result = onenet(command, "--help")
    assert result.code == 0
    assert f"onenet {command}" in result.out.partition("Examples:")[2].replace("--profile other ", "")


def test_json_on_stdout_is_json_alone(onenet: Run, api: FakeApi) -> None:
    for number in range(60):
        api.add_service(f"service-{number}", "alice")
    result = onenet("get", "services", "-o", "json")
    assert [one["name"] for one in json.loads(result.out)][:2] == ["service-0", "service-1"]
    assert "--all" in result.err
    assert len(json.loads(onenet("get", "services", "-o", "json", "--all").out)) == 60


def test_one_object_is_an_object_in_json_and_yaml(onenet: Run, orders: Thing) -> None:
    assert json.loads(onenet("get", "service", "orders", "-o", "json").out)["id"] == orders["id"]
    assert yaml.safe_load(onenet("get", "service", "orders", "-o", "yaml").out)["id"] == orders["id"]


def test_a_table_keeps_every_id_on_one_line(onenet: Run, pending: Thing) -> None:
    row = onenet("get", "connections").out.splitlines()[1]
    assert pending["id"] in row
    assert "orders/vpc-1a1a1a1a" in row
    assert "tcp:443" in onenet("get", "connections", "-o", "wide").out


def test_what_others_wrote_does_not_steer_the_terminal(onenet: Run, api: FakeApi) -> None:
    api.add_service("or\x1b[31mders [red]", "alice")
    out = onenet("get", "services").out
    assert "\x1b" not in out
    assert "[red]" in out


def test_a_filter_that_does_not_fit_the_kind_is_refused(onenet: Run) -> None:
    result = onenet("get", "services", "--ctype", "AWS_PEERING")
    assert result.code == 2
    assert "--sort" in result.err
    assert "--name" not in result.err  # which is no option
    assert "--service" not in result.err


def test_filters_take_names(onenet: Run, api: FakeApi, orders: Thing) -> None:
    api.add_service("other", "alice", vpcs=[EAST])
    found = json.loads(onenet("get", "resources", "--service", "orders", "-o", "json").out)
    assert [one["native_id"] for one in found] == ["vpc-1a1a1a1a"]


@pytest.mark.parametrize(
    "right", ["billing", "billing/vpc-2b2b2b2b", r"billing/AWS\vpc-2b2b2b2b", EAST[0], EAST_ID]
)
def test_a_resource_can_be_called_by_many_names(
    onenet: Run, api: FakeApi, orders: Thing, billing: Thing, right: str
) -> None:
    result = onenet("connect", r"AWS\vpc-1a1a1a1a", right, "-o", "json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["state"] == "PENDING_APPROVAL"
    assert "consent of billing" in result.err


def test_an_ambiguous_name_lists_what_it_may_mean(onenet: Run, api: FakeApi, orders: Thing) -> None:
    both = api.add_service("billing", "bob", vpcs=[EAST, ("vpc-3c3c3c3c", "10.2.0.0/16")])
    result = onenet("connect", "orders", "billing")
    assert result.code == 2
    for resource in api.tables["resources"].values():
        assert (resource["id"] in result.err) == (resource["service"] == both["id"])
    assert not api.tables["connections"]


def test_an_abbreviated_id_must_be_unambiguous(onenet: Run, api: FakeApi) -> None:
    for end in ("1", "2"):
        service = api.add_service(f"service-{end}", "alice")
        api.tables["services"][f"abcd0000-0000-4000-8000-00000000000{end}"] = service | {
            "id": f"abcd0000-0000-4000-8000-00000000000{end}"
        }
    assert onenet("get", "service", "abcd").code == 2
    assert onenet("get", "service", "abc").code == 4
    api.tables["services"].popitem()
    api.tables["services"].pop(service["id"])
    assert onenet("get", "service", "abcd").code == 0


def test_the_request_says_everything_that_was_asked(
    onenet: Run, api: FakeApi, orders: Thing, billing: Thing
) -> None:
    words = (
        "--name pay --ctype AWS_PEERING --filter tcp:443:left_to_right --filter icmp --bandwidth 500 --adopt"
    )
    assert onenet("connect", "orders", "billing", *words.split(), "--encryption").code == 0
    asked = api.only("connections")
    assert (asked["name"], asked["ctype"], asked["adopt"]) == ("pay", "AWS_PEERING", True)
    assert asked["requirements"]["bandwidth_mbps"] == 500
    assert asked["requirements"]["encryption"] is True
    assert [(rule["protocol"], rule["from_port"], rule["direction"]) for rule in asked["l4filters"]] == [
        ("tcp", 443, "left_to_right"),
        ("icmp", None, "both"),
    ]


def test_a_wrong_filter_says_what_would_be_right(onenet: Run) -> None:
    result = onenet("connect", "a", "b", "--filter", "tcp:99999")
    assert result.code == 2
    assert "tcp:443" in " ".join(result.err.split())


def test_asking_from_the_other_side_is_the_consent(onenet: Run, api: FakeApi, pending: Thing) -> None:
    assert onenet("connect", "billing", "orders", user="bob").code == 0
    assert api.only("connections")["state"] == "REQUESTED"


def test_a_second_request_is_a_conflict(onenet: Run, pending: Thing) -> None:
    result = onenet("connect", "orders", "billing")
    assert result.code == 5
    assert pending["id"] in result.err


def test_connect_can_wait_and_tells_on_stderr_how_far_it_is(onenet: Run, api: FakeApi) -> None:
    api.add_service("mine", "alice", vpcs=[WEST, EAST])
    api.script = ["PROVISIONING", "ESTABLISHED"]
    result = onenet("connect", "vpc-1a1a1a1a", "vpc-2b2b2b2b", "--wait", "-o", "json")
    assert result.code == 0
    assert json.loads(result.out)["state"] == "ESTABLISHED"
    assert "PROVISIONING" in result.err


def test_who_waits_for_consent_is_told_at_once_what_the_other_side_runs(
    onenet: Run, orders: Thing, billing: Thing
) -> None:
    result = onenet("connect", "orders", "billing", "--wait", "--timeout", "0.1")
    assert result.code == 6
    assert "an owner there runs: onenet approve " in result.err.partition("PENDING_APPROVAL")[0]


def test_a_dry_run_shows_the_plan(onenet: Run, api: FakeApi) -> None:
    api.add_service("mine", "alice", vpcs=[WEST, EAST])
    api.script = ["PLANNED"]
    result = onenet("connect", "vpc-1a1a1a1a", "vpc-2b2b2b2b", "--dry-run")
    assert result.code == 0
    assert "PLANNED" in result.out
    assert api.only("connections")["desired_state"] == "PLANNED"


def test_consent_shows_exactly_what_it_is_bound_to(onenet: Run, api: FakeApi, pending: Thing) -> None:
    result = onenet("approve", pending["id"][:8], user="bob", stdin="y\n")
    assert result.code == 0
    for word in ("10.0.0.0/16", "10.1.0.0/16", "tcp:443", "digest-1", "alice"):
        assert word in result.err
    assert api.only("connections")["state"] == "REQUESTED"


def test_without_a_yes_nothing_is_agreed_to(onenet: Run, api: FakeApi, pending: Thing) -> None:
    for answer in ("n\n", ""):
        assert onenet("approve", "pay", user="bob", stdin=answer).code == 1
    assert api.only("connections")["state"] == "PENDING_APPROVAL"


def test_where_no_consent_is_awaited_none_is_given(onenet: Run, api: FakeApi, pending: Thing) -> None:
    assert onenet("approve", "pay", "--yes", user="bob").code == 0
    result = onenet("approve", "pay", "--yes", user="bob")
    assert result.code == 5
    assert "REQUESTED" in result.err


def test_a_refusal_ends_the_request(onenet: Run, api: FakeApi, pending: Thing) -> None:
    assert onenet("refuse", "pay", "--reason", "not now", user="bob").code == 0
    watched = onenet("watch", "pay", "--timeout", "10")
    assert watched.code == 1
    assert "bob refused: not now" in watched.err


def test_watch_prints_each_change(onenet: Run, api: FakeApi, pending: Thing) -> None:
    api.script = ["REQUESTED", "PROVISIONING", "ESTABLISHED"]
    result = onenet("watch", "pay", "-o", "json")
    states = [json.loads(line)["state"] for line in result.out.splitlines()]
    assert states == ["PENDING_APPROVAL", "REQUESTED", "PROVISIONING", "ESTABLISHED"]
    assert result.code == 0


def test_watch_gives_up_when_told(onenet: Run, pending: Thing) -> None:
    result = onenet("watch", "pay", "--timeout", "0.1")
    assert result.code == 6
    assert "consent of billing" in result.out


def test_deleting_waits_until_nothing_is_left(onenet: Run, api: FakeApi, pending: Thing) -> None:
    api.script = ["DELETED"]
    assert onenet("delete", "connection", "pay", "--wait", "--yes").code == 0
    assert api.only("connections")["state"] == "DELETED"


def test_deleting_asks_first(onenet: Run, api: FakeApi, orders: Thing) -> None:
    assert onenet("delete", "service", "orders", stdin="n\n").code == 1
    assert orders["id"] in api.tables["services"]
    assert onenet("delete", "service", "orders", stdin="y\n").code == 0
    assert not api.tables["services"]


def test_who_named_an_id_is_not_asked_with_it_twice(onenet: Run, orders: Thing) -> None:
    asked = onenet("delete", "service", str(orders["id"]), stdin="n\n").err
    assert asked.count(str(orders["id"])) == 1
    assert f"orders ({orders['id']})" in onenet("delete", "service", "orders", stdin="n\n").err


def test_one_wrong_name_stops_all_deletions(onenet: Run, api: FakeApi, orders: Thing) -> None:
    assert onenet("delete", "service", "orders", "nobodys", "--yes").code == 4
    assert orders["id"] in api.tables["services"]


def test_a_deleted_connection_leaves_its_name_to_others(onenet: Run, api: FakeApi, pending: Thing) -> None:
    api.move(pending, "DELETED")
    pair = {key: pending[key] for key in ("resource_left", "resource_right", "name")}
    again = api.request_connection("alice", pair)
    assert json.loads(onenet("get", "connection", "pay", "-o", "json").out)["id"] == again["id"]


def test_a_failed_connection_can_be_tried_again(onenet: Run, api: FakeApi, pending: Thing) -> None:
    api.move(pending, "FAILED")
    assert onenet("retry", "pay").code == 0
    assert api.only("connections")["state"] == "REQUESTED"


def test_a_change_sends_what_is_named_and_takes_back_what_is_unset(
    onenet: Run, api: FakeApi, pending: Thing
) -> None:
    wishes = ("--filter", "tcp:443", "--monthly-gb", "500", "--unset", "latency", "--unset", "ctype")
    assert onenet("change", "pay", *wishes).code == 0
    changed = api.only("connections")
    assert [(rule["protocol"], rule["from_port"]) for rule in changed["l4filters"]] == [("tcp", 443)]
    assert changed["requirements"] == {"monthly_gb": 500, "latency_ms": None}
    assert changed["ctype"] is None


def test_a_change_of_nothing_is_wrong_usage(onenet: Run, api: FakeApi, pending: Thing) -> None:
    assert onenet("change", "pay").code == 2
    assert not api.sent("PATCH")


def test_a_provider_is_looked_at_on_demand(onenet: Run, api: FakeApi, orders: Thing) -> None:
    place = {"account": "111111111111", "region": "eu-north-1", "provider_type": "AWS"}
    provider = api.store("providers", {"name": "west", "service": orders["id"], **place})
    assert onenet("discover", "west").code == 0
    assert api.sent("POST") == [f"/v1/providers/{provider['id']}/discover"]


def test_a_timeline_tells_what_happened_in_order(onenet: Run, pending: Thing) -> None:
    lines = onenet("timeline", "pay").out.splitlines()[1:]
    assert [line.split()[2] for line in lines] == ["requested", "evaluated", "established"]


def test_the_audit_is_cut_unless_all_is_asked_for(onenet: Run) -> None:
    assert len(json.loads(onenet("audit", "--limit", "1", "-o", "json").out)) == 1
    assert len(json.loads(onenet("audit", "--all", "-o", "json").out)) == 2


def test_whoami_is_what_the_api_says(onenet: Run) -> None:
    assert json.loads(onenet("whoami", "-o", "json").out)["user"] == "alice"


def test_errors_name_field_value_and_what_would_be_right(onenet: Run, api: FakeApi) -> None:
    wrong = {"field": "contains", "value": '"10.0.0.7/16"', "message": "did you mean 10.0.0.0/16?"}
    body = {"detail": "contains: has host bits", "errors": [wrong]}
    api.faults = [JSONResponse(body, 422, media_type="application/problem+json")]
    result = onenet("get", "resources", "--contains", "10.0.0.7/16")
    assert result.code == 2
    assert result.out == ""
    for word in ("contains", "10.0.0.7/16", "did you mean 10.0.0.0/16?"):
        assert word in result.err


def test_a_sentence_on_a_single_value_is_said_once_and_with_the_value(onenet: Run, api: FakeApi) -> None:
    wrong = {"field": "sort", "value": '"age"', "message": "give 'name' or '-name'"}
    body = {"detail": "sort: give 'name' or '-name'", "errors": [wrong]}
    api.faults = [JSONResponse(body, 422, media_type="application/problem+json")]
    assert onenet("get", "services", "--sort", "age").err == "onenet: sort \"age\": give 'name' or '-name'\n"


@pytest.mark.parametrize(("status", "code"), [(401, 3), (403, 3), (404, 4), (409, 5), (412, 5), (500, 1)])
def test_every_kind_of_refusal_has_its_exit_code(onenet: Run, api: FakeApi, status: int, code: int) -> None:
    api.faults = [Response(status_code=status)]
    assert onenet("whoami").code == code


def test_a_server_that_is_away_has_its_exit_code(onenet: Run) -> None:
    result = onenet("whoami", ONENET_CLIENT_URL="http://127.0.0.1:1")
    assert result.code == 6
    assert "http://127.0.0.1:1 does not answer" in result.err
    assert "onenet login --url URL" in result.err


def test_an_unknown_setting_stops_the_command(onenet: Run) -> None:
    result = onenet("whoami", ONENET_CLIENT_TOKN="x")
    assert result.code == 2
    assert "did you mean ONENET_CLIENT_TOKEN?" in result.err
    assert onenet("whoami", ONENET_CLIENT_URL="onenet.example.com").code == 2


def test_nobody_is_signed_in_at_first(onenet: Run) -> None:
    result = onenet("whoami", user=None)
    assert result.code == 3
    assert "onenet login" in result.err

"""``onenet apply`` against the fake API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.client.conftest import Run
from tests.client.fake_api import FakeApi

MANIFEST = """
kind: Connection
name: orders-billing
resource_left: orders
resource_right: billing/vpc-2b2b2b2b
l4filters: ["tcp:443:left_to_right"]
requirements: {bandwidth_mbps: 100}
---
kind: Provider
name: west
service: orders
account: "111111111111"
region: eu-north-1
---
kind: Service
name: orders
description: Takes orders
owners: ["group:orders-team"]
"""


@pytest.fixture
def manifest(tmp_path: Path, api: FakeApi) -> Path:
    api.vpcs = {"111111111111": [("vpc-1a1a1a1a", "10.0.0.0/16")]}
    api.add_service("billing", "bob", vpcs=[("vpc-2b2b2b2b", "10.1.0.0/16")])
    file = tmp_path / "mine.yaml"
    file.write_text(MANIFEST)
    return file


def outcome(onenet: Run, file: Path, *more: str) -> dict[str, str]:
    result = onenet("apply", "-f", str(file), "-o", "json", *more)
    assert result.code == 0, result.err
    return {change["kind"]: change["change"] for change in json.loads(result.out)}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_documents_are_made_in_the_order_in_which_they_need_each_other(onenet: Run, manifest: Path) -> None:
    result = onenet("apply", "-f", str(manifest))
    assert result.out.splitlines() == [
        "service/orders created",
        "provider/west created",
        "connection/orders-billing created",
    ]


def test_a_second_run_changes_nothing(onenet: Run, api: FakeApi, manifest: Path) -> None:
    outcome(onenet, manifest)
    sent = api.sent("POST") + api.sent("PATCH")
    assert set(outcome(onenet, manifest).values()) == {"unchanged"}
    assert api.sent("POST") + api.sent("PATCH") == sent


def test_what_differs_is_updated_and_nothing_else(onenet: Run, api: FakeApi, manifest: Path) -> None:
    outcome(onenet, manifest)
    edit(manifest, "Takes orders", "Takes all orders")
    assert outcome(onenet, manifest) == {
        "Service": "updated",
        "Provider": "unchanged",
        "Connection": "unchanged",
    }
    service = next(one for one in api.tables["services"].values() if one["name"] == "orders")
    assert service["description"] == "Takes all orders"
    assert set(service["owners"]) == {"alice", "group:orders-team"}


def test_a_dry_run_changes_nothing(onenet: Run, api: FakeApi, manifest: Path) -> None:
    assert set(outcome(onenet, manifest, "--dry-run").values()) == {"created"}
    assert not api.sent("POST")


def test_resources_of_a_new_provider_are_waited_for(onenet: Run, api: FakeApi, manifest: Path) -> None:
    api.shy = 8
    assert outcome(onenet, manifest, "--timeout", "20")["Connection"] == "created"


def bobs(folder: Path, rule: str) -> Path:
    """The same connection, written down by the other side."""
    file = folder / "theirs.yaml"
    ends = "resource_left: billing\nresource_right: orders\n"
    file.write_text(f"kind: Connection\nname: same\n{ends}l4filters: ['{rule}']\n")
    return file


def test_the_other_sides_apply_is_its_consent(
    onenet: Run, api: FakeApi, manifest: Path, tmp_path: Path
) -> None:
    outcome(onenet, manifest)
    result = onenet("apply", "-f", str(bobs(tmp_path, "tcp:443:right_to_left")), user="bob")
    assert result.out.startswith("connection/same updated (consent"), result.err
    assert api.only("connections")["state"] == "REQUESTED"


def test_other_filters_than_those_asked_for_are_no_consent(
    onenet: Run, api: FakeApi, manifest: Path, tmp_path: Path
) -> None:
    outcome(onenet, manifest)
    result = onenet("apply", "-f", str(bobs(tmp_path, "tcp:443:left_to_right")), user="bob")
    assert result.code == 5
    assert "l4filters" in result.err
    assert api.only("connections")["state"] == "PENDING_APPROVAL"


def test_a_provider_does_not_move_to_another_account(onenet: Run, api: FakeApi, manifest: Path) -> None:
    outcome(onenet, manifest)
    edit(manifest, "111111111111", "222222222222")
    edit(manifest, "Takes orders", "Takes all orders")
    result = onenet("apply", "-f", str(manifest))
    assert result.code == 5
    assert "222222222222" in result.err
    assert not api.sent("PATCH")


def test_every_error_of_every_document_is_told_before_the_first_change(
    onenet: Run, api: FakeApi, manifest: Path
) -> None:
    edit(manifest, '"111111111111"', "111111111111")
    edit(manifest, "tcp:443:left_to_right", "tcp:443:sideways")
    edit(manifest, "description:", "descripton:")
    result = onenet("apply", "-f", str(manifest))
    assert result.code == 2
    for words in ("document 1 l4filters.0", '"tcp:443:sideways"', "in quotes", "document 3 descripton"):
        assert words in result.err
    assert not api.sent("POST")


def test_an_end_that_nobody_has_is_told_before_the_first_change(
    onenet: Run, api: FakeApi, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "kind: Service\nname: orders\n---\nkind: Connection\nname: x\nresource_left: a\nresource_right: b\n"
    )
    assert onenet("apply", "-f", str(file)).code == 4
    assert not api.tables["services"]


def test_a_manifest_comes_from_stdin_too(onenet: Run, api: FakeApi) -> None:
    assert onenet("apply", "-f", "-", stdin="kind: Service\nname: orders\n").code == 0
    assert api.only("services")["name"] == "orders"


def test_a_file_that_is_not_there_is_wrong_usage(onenet: Run) -> None:
    assert onenet("apply", "-f", "/nowhere.yaml").code == 2

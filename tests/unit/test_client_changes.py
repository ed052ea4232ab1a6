from __future__ import annotations

from uuid import uuid4

import pytest

from onenet_client import changes
from onenet_client.changes import Action
from onenet_client.errors import Differs
from onenet_client.manifest import ConnectionDocument, ProviderDocument, ServiceDocument
from onenet_client.models import Connection, Consent, Filter, Me, Provider, Service
from onenet_common.connection import L4Filter, Requirements

ALICE = Me(user="alice", groups=("team",))
LEFT, RIGHT, MINE = uuid4(), uuid4(), uuid4()
DOCUMENT = ConnectionDocument(kind="Connection", name="c", resource_left="a", resource_right="b")
STANDING = Connection(
    id=uuid4(), resource_left=LEFT, resource_right=RIGHT, state="ESTABLISHED", desired_state="ESTABLISHED"
)


def service(**fields: object) -> ServiceDocument:
    return ServiceDocument.model_validate({"kind": "Service", "name": "orders", **fields})


def test_what_a_document_leaves_out_stays_as_it_is() -> None:
    standing = Service(id=uuid4(), name="orders", description="old", owners=("alice", "bob"), version=3)
    change = changes.for_service(service(), standing, ALICE)
    assert (change.action, change.fields) == (Action.UNCHANGED, {})


def test_only_fields_that_differ_are_sent_under_the_version_seen() -> None:
    standing = Service(id=uuid4(), name="orders", description="old", owners=("alice", "bob"), version=3)
    change = changes.for_service(service(description="new", owners=["bob", "alice"]), standing, ALICE)
    assert (change.action, change.fields, change.version) == (Action.UPDATED, {"description": "new"}, 3)


@pytest.mark.parametrize(
    ("owners", "kept"),
    [(["bob"], {"bob", "alice"}), (["group:team"], {"group:team"}), (["alice"], {"alice"})],
)
def test_nobody_locks_himself_out(owners: list[str], kept: set[str]) -> None:
    assert set(changes.with_caller(owners, ALICE)) == kept


def test_a_provider_takes_a_new_role_and_no_new_region() -> None:
    standing = Provider(
        id=uuid4(), name="west", service=uuid4(), provider_type="AWS", account="1" * 12, region="eu-north-1"
    )
    document = ProviderDocument(
        kind="Provider", name="west", service="orders", account="1" * 12, region="eu-north-1"
    )
    assert changes.for_provider(document, standing).action is Action.UNCHANGED
    role = f"arn:aws:iam::{'1' * 12}:role/Other"
    change = changes.for_provider(document.model_copy(update={"role_arn": role}), standing)
    assert change.fields == {"role_arn": role}
    with pytest.raises(Differs, match="region eu-north-1"):
        changes.for_provider(document.model_copy(update={"region": "eu-west-1"}), standing)


def test_a_connection_that_stands_as_written_is_left_alone() -> None:
    assert changes.for_connection(DOCUMENT, LEFT, None, [MINE]).action is Action.CREATED
    assert changes.for_connection(DOCUMENT, LEFT, STANDING, [MINE]).action is Action.UNCHANGED


@pytest.mark.parametrize("left", [LEFT, RIGHT])
def test_directions_are_compared_as_seen_from_the_same_side(left: object) -> None:
    direction = "left_to_right" if left == LEFT else "right_to_left"
    rule = L4Filter.model_validate({"protocol": "tcp", "direction": direction})
    standing = STANDING.model_copy(update={"l4filters": (Filter(protocol="tcp", direction="left_to_right"),)})
    document = DOCUMENT.model_copy(update={"l4filters": (rule,)})
    side = LEFT if left == LEFT else RIGHT
    assert changes.for_connection(document, side, standing, []).action is Action.UNCHANGED
    with pytest.raises(Differs, match="l4filters"):
        changes.for_connection(document, RIGHT if side == LEFT else LEFT, standing, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ctype", "CARRIER_PIGEON"),
        ("requirements", Requirements(bandwidth_mbps=5)),
        ("l4filters", (L4Filter.model_validate({"protocol": "icmp"}),)),
    ],
)
def test_what_cannot_be_changed_is_said(field: str, value: object) -> None:
    with pytest.raises(Differs, match=field):
        changes.for_connection(DOCUMENT.model_copy(update={field: value}), LEFT, STANDING, [])


def test_what_is_being_deleted_is_not_what_was_asked_for() -> None:
    with pytest.raises(Differs, match="being deleted"):
        changes.for_connection(DOCUMENT, LEFT, STANDING.model_copy(update={"state": "DELETING"}), [])


def test_a_pending_connection_is_consented_to_by_those_whose_consent_is_missing() -> None:
    consent = Consent(terms="t", needed_from=(MINE,))
    pending = STANDING.model_copy(update={"state": "PENDING_APPROVAL", "consent": consent})
    assert changes.for_connection(DOCUMENT, LEFT, pending, [MINE]).fields == {"consent": "given"}
    assert changes.for_connection(DOCUMENT, LEFT, pending, [uuid4()]).action is Action.UNCHANGED


@pytest.mark.parametrize(
    ("state", "desired", "wanted", "occupied"),
    [
        ("ESTABLISHED", "ESTABLISHED", "ESTABLISHED", True),
        ("DELETING", "DELETED", "ESTABLISHED", True),
        ("FAILED", "ESTABLISHED", "ESTABLISHED", False),
        ("DELETED", "DELETED", "ESTABLISHED", False),
        ("PLANNED", "PLANNED", "ESTABLISHED", False),
        ("REQUESTED", "PLANNED", "ESTABLISHED", False),
        ("PLANNED", "PLANNED", "PLANNED", True),
        ("ESTABLISHED", "ESTABLISHED", "PLANNED", False),
    ],
)
def test_dry_runs_and_real_ones_do_not_stand_in_each_others_way(
    state: str, desired: str, wanted: str, occupied: bool
) -> None:
    connection = STANDING.model_copy(update={"state": state, "desired_state": desired})
    document = DOCUMENT.model_copy(update={"desired_state": wanted})
    assert changes.occupies(connection, document) is occupied

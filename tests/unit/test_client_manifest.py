from __future__ import annotations

import pytest

from onenet_client.errors import BadInput
from onenet_client.manifest import ConnectionDocument, ProviderDocument, read

PROVIDER = "kind: Provider\nname: west\nservice: orders\naccount: '012345678901'\nregion: eu-north-1\n"
CONNECTION = "kind: Connection\nname: c\nresource_left: a\nresource_right: b\n"


def problems(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        read(text)
    return "\n".join(f"{error.field} {error.value} {error.message}" for error in caught.value.errors)


def test_documents_come_in_the_order_in_which_they_need_each_other() -> None:
    documents = read(f"{CONNECTION}---\n{PROVIDER}---\nkind: Service\nname: orders\n---\n")
    assert [document.kind for document in documents] == ["Service", "Provider", "Connection"]


def test_filters_are_written_short_or_long() -> None:
    [connection] = read(CONNECTION + "l4filters: ['tcp:443', {protocol: tcp, from_port: 443, to_port: 443}]")
    assert isinstance(connection, ConnectionDocument)
    assert connection.l4filters is not None
    short, long = connection.l4filters
    assert short == long


def test_no_filters_are_something_else_than_none_given() -> None:
    [given] = read(CONNECTION + "l4filters: []")
    [absent] = read(CONNECTION)
    assert isinstance(given, ConnectionDocument)
    assert isinstance(absent, ConnectionDocument)
    assert (given.l4filters, absent.l4filters) == ((), None)


@pytest.mark.parametrize("account", ["012345670123", "123456789012"])
def test_an_account_that_yaml_takes_for_a_number_is_explained(account: str) -> None:
    assert "in quotes" in problems(PROVIDER.replace("'012345678901'", account))


def test_a_role_belongs_to_its_account() -> None:
    role = "role_arn: arn:aws:iam::{}:role/OneNet"
    [provider] = read(PROVIDER + role.format("012345678901"))
    assert isinstance(provider, ProviderDocument)
    assert "is not in account" in problems(PROVIDER + role.format("999999999999"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no document"),
        ("---\n---\n", "no document"),
        ("- a list\n", "a document is a mapping"),
        ("kind: Resource\nname: x\n", "'Service', 'Provider', 'Connection'"),
        ("name: x\n", "kind"),
        ("kind: Service\n", "document 1 name None is required"),
        ("kind: Service\nname: x\ncolour: red\n", 'document 1 colour "red" there is no such field'),
        ("kind: Service\nname: x\nowners: bob\n", 'document 1 owners "bob" give a list'),
        ("kind: Sevice\nname: x\n", "one of 'Service', 'Provider', 'Connection' is expected"),
        ("kind: Service\nname: x\n---\nkind: Service\nname: x\n", "twice"),
        (
            PROVIDER.replace("eu-north-1", "Frankfurt"),
            'region "Frankfurt" is not valid; write it like eu-',
        ),
        (CONNECTION + "desired_state: DELETED\n", 'document 1 desired_state "DELETED"'),
        (CONNECTION + "requirements: {bandwidth_mbps: -1}\n", "document 1 requirements.bandwidth_mbps -1"),
    ],
)
def test_what_is_wrong_is_named_with_its_document_and_field(text: str, words: str) -> None:
    assert words in problems(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "kind: Service\nname: a\nname: b\n",
        "!!python/object:os.system {}",
        "[" * 100_000,
        "x" * 1_000_001,
    ],
)
def test_what_is_not_a_manifest_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        read(text)

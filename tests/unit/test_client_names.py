from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from onenet_client.errors import Ambiguous, NoMatch
from onenet_client.names import as_id, called, only

ID = UUID("abcd0000-0000-4000-8000-000000000001")


@dataclass(frozen=True)
class Thing:
    name: str
    id: UUID = ID


VPC = Thing(r"AWS\vpc-1a1a1a1a")
OTHER = Thing("vpc", UUID("abce0000-0000-4000-8000-000000000002"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"AWS\vpc-1a1a1a1a", [VPC]),
        ("vpc-1a1a1a1a", [VPC]),
        ("vpc", [OTHER]),
        ("abcd", [VPC]),
        ("ABCD", [VPC]),
        ("abc", []),
        ("vpc-1a", []),
        ("", []),
    ],
)
def test_names_and_native_ids_are_exact_and_ids_may_be_short(text: str, found: list[Thing]) -> None:
    assert called(text, [VPC, OTHER]) == found


def test_a_name_goes_before_an_id_that_begins_like_it() -> None:
    named = Thing("abcd", OTHER.id)
    assert called("abcd", [VPC, named]) == [named]


def test_only_one_may_be_meant() -> None:
    assert only("service", "vpc", [OTHER]) is OTHER
    with pytest.raises(NoMatch, match="get services"):
        only("service", "vpc", [])
    with pytest.raises(Ambiguous) as caught:
        only("service", "abc", [VPC, OTHER])
    assert [str(thing.id) in line for thing, line in zip((VPC, OTHER), caught.value.candidates, strict=True)]


@pytest.mark.parametrize("text", ["abcd", "", "{" + str(ID) + "}", ID.hex, f"urn:uuid:{ID}"])
def test_only_the_apis_own_way_of_writing_is_an_id(text: str) -> None:
    assert as_id(str(ID)) == as_id(str(ID).upper()) == ID
    assert as_id(text) is None

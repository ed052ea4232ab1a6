"""The evaluator's facts: complete, dated, and refused with the place where they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from onenet_common.connection import CType, Requirements
from onenet_common.errors import Malformed
from onenet_evaluator.constraints import CHECKS
from onenet_evaluator.evaluation import evaluate
from onenet_evaluator.paths import FILE, Catalogue, read
from onenet_evaluator.scoring import score
from tests.samples import network, wish

FREE = {"price_per_gb_between_regions_usd": 0}
SLOW = {"bandwidth_between_regions_mbps": 100, "added_latency_ms": 50}


def changed(change: Callable[[Any], object]) -> Any:
    content = yaml.safe_load(FILE.read_text())
    change(content)
    return content


def with_facts(**values: float) -> Catalogue:
    def change(content: Any) -> None:
        for name, value in values.items():
            content["ctypes"]["AWS_PEERING"]["facts"][name]["value"] = value

    return Catalogue.model_validate(changed(change))


def points(catalogue: Catalogue, **wishes: Any) -> float:
    offer = catalogue.ctypes[CType.AWS_PEERING]
    return score(offer, Requirements(**wishes), catalogue.weights, same_region=False)


def test_every_ctype_has_facts_and_checks() -> None:
    assert set(read().ctypes) == set(CType) == set(CHECKS)


def test_every_fact_has_a_source() -> None:
    for offer in read().ctypes.values():
        for name, fact in offer.facts:
            assert fact.source, name
            assert fact.unit, name


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda c: c["ctypes"]["AWS_PEERING"]["facts"].pop("added_latency_ms"), "facts.added_latency_ms"),
        (
            lambda c: c["ctypes"]["AWS_PEERING"]["facts"]["added_latency_ms"].update(as_of="soon"),
            "added_latency_ms.as_of",
        ),
        (
            lambda c: c["ctypes"]["AWS_PEERING"]["facts"]["added_latency_ms"].update(value=-1),
            "added_latency_ms.value",
        ),
        (lambda c: c["ctypes"].update(CARRIER_PIGEON={}), "CARRIER_PIGEON"),
        (lambda c: c.update(colour="blue"), "colour"),
        (lambda c: c["weights"].update(cost=0.5), "add up to 1, not to 1.1"),
    ],
)
def test_a_wrong_fact_is_named_by_file_and_place(
    change: Callable[[Any], object], place: str, tmp_path: Path
) -> None:
    file = tmp_path / "paths.yaml"
    file.write_text(yaml.safe_dump(changed(change)))
    with pytest.raises(Malformed) as refused:
        read(file)
    assert str(file) in refused.value.reason
    assert place in refused.value.reason


@pytest.mark.parametrize("content", [b"", b"a: [", b"\xff\xfe", b"- 1"])
def test_what_is_no_catalogue_at_all_is_refused_by_its_name(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "paths.yaml"
    file.write_bytes(content)
    with pytest.raises(Malformed, match=r"paths\.yaml"):
        read(file)


def test_a_catalogue_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"nowhere\.yaml"):
        read(tmp_path / "nowhere.yaml")


def test_the_cost_is_the_fixed_price_and_the_traffic() -> None:
    catalogue = with_facts(price_fixed_monthly_usd=10, price_per_gb_between_regions_usd=0.02)
    [alternative] = evaluate(wish(requirements=Requirements(monthly_gb=1000)), catalogue).alternatives
    assert alternative.monthly_cost_usd == 30.0
    near = wish(right=network("b", "10.2.0.0/16"), requirements=Requirements(monthly_gb=100))
    [alternative] = evaluate(near, with_facts(price_per_gb_same_region_usd=0.01)).alternatives
    assert alternative.monthly_cost_usd == 1.0


def test_a_better_path_for_the_wishes_has_more_points() -> None:
    assert points(read()) == 100.0
    assert points(read(), monthly_gb=5000) == 80.0, "half of the weight of cost, at 100 USD a month"
    assert points(with_facts(**FREE), monthly_gb=5000) > points(read(), monthly_gb=5000)
    assert points(with_facts(**SLOW), bandwidth_mbps=1000) == 82.0
    assert points(with_facts(**SLOW), latency_ms=5) == 82.0
    assert points(with_facts(**SLOW)) == 100.0, "nobody asked"
    assert points(with_facts(encrypted_between_regions=0)) == 90.0

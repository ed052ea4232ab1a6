"""The catalogue of ctypes: dated facts from ``paths.yaml``, checked when it is read."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from onenet_common.connection import CType
from onenet_common.errors import Malformed

FILE = Path(__file__).with_name("paths.yaml")


class Fact(BaseModel):
    """A number that was read somewhere on some day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float = Field(ge=0)
    unit: str
    source: str
    as_of: date


class Weights(BaseModel):
    """How much each wish counts; they add up to one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cost: float = Field(ge=0, le=1)
    bandwidth: float = Field(ge=0, le=1)
    latency: float = Field(ge=0, le=1)
    encryption: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        total = self.cost + self.bandwidth + self.latency + self.encryption
        if not math.isclose(total, 1.0):
            raise ValueError(f"weights add up to 1, not to {total:g}")
        return self


class Offer(BaseModel):
    """One ctype with its facts, each for both networks in one region or in two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    class Facts(BaseModel):
        model_config = ConfigDict(frozen=True, extra="forbid")

        bandwidth_same_region_mbps: Fact
        bandwidth_between_regions_mbps: Fact
        added_latency_ms: Fact
        encrypted_same_region: Fact
        encrypted_between_regions: Fact
        price_per_gb_same_region_usd: Fact
        price_per_gb_between_regions_usd: Fact
        price_fixed_monthly_usd: Fact

    description: str
    facts: Facts

    def bandwidth_mbps(self, *, same_region: bool) -> Fact:
        facts = self.facts
        return facts.bandwidth_same_region_mbps if same_region else facts.bandwidth_between_regions_mbps

    def encrypted(self, *, same_region: bool) -> Fact:
        facts = self.facts
        return facts.encrypted_same_region if same_region else facts.encrypted_between_regions

    def price_per_gb(self, *, same_region: bool) -> Fact:
        facts = self.facts
        return facts.price_per_gb_same_region_usd if same_region else facts.price_per_gb_between_regions_usd

    def monthly_cost_usd(self, monthly_gb: float, *, same_region: bool) -> float:
        """The fixed price and the traffic's, in US dollars a month."""
        per_gb = self.price_per_gb(same_region=same_region).value
        return round(self.facts.price_fixed_monthly_usd.value + monthly_gb * per_gb, 2)


class Catalogue(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: Weights
    ctypes: dict[CType, Offer]


def read(file: Path = FILE) -> Catalogue:
    """Read the catalogue.

    Raises:
        Malformed: naming the file, the place and what is wrong.
    """
    try:
        return Catalogue.model_validate(yaml.safe_load(file.read_text()))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise Malformed(f"{file}: {place}: {first['msg']}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Malformed(f"{file}: {error}") from None

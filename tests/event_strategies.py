"""Hypothesis strategies for whole events, made from the fields that the models declare."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from onenet_common import connection
from onenet_common.connection import L4Filter, Protocol, Requirements, Sample, Value
from onenet_common.events import EVENTS, Event

PORTS = st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(sorted)
NUMBERS: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(1, 2**31 - 1),
    float | None: st.none() | st.floats(0, 10_000),
}
"""Those of our models have bounds, which hypothesis does not see; these keep within all of them."""


def _field(info: FieldInfo) -> st.SearchStrategy[Any]:
    kind: Any = info.annotation
    return NUMBERS[kind] if kind in NUMBERS else st.from_type(kind)


def _built(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    fields = {name: _field(info) for name, info in model.model_fields.items()}
    return st.fixed_dictionaries(fields).map(model.model_validate)


def _filters() -> st.SearchStrategy[L4Filter]:
    with_ports = st.builds(
        lambda protocol, ports: L4Filter(protocol=protocol, from_port=ports[0], to_port=ports[1]),
        st.sampled_from([Protocol.TCP, Protocol.UDP]),
        PORTS,
    )
    return with_ports | st.builds(L4Filter, protocol=st.sampled_from(Protocol))


def _requirements() -> st.SearchStrategy[Requirements]:
    return st.builds(
        Requirements,
        bandwidth_mbps=st.none() | st.integers(1, 10_000_000),
        latency_ms=st.none() | st.floats(0.1, 10_000),
        encryption=st.booleans(),
        monthly_gb=st.floats(0, 1e9),
    )


def _samples() -> st.SearchStrategy[Sample]:
    return st.builds(
        Sample,
        source=st.text(),
        health=st.sampled_from(["UP", "DEGRADED", "DOWN"]),
        reasons=st.tuples(st.text()),
        at=st.datetimes(),
    )


for _value in vars(connection).values():
    if isinstance(_value, type) and issubclass(_value, Value):
        st.register_type_strategy(_value, _built)
st.register_type_strategy(L4Filter, _filters())
st.register_type_strategy(Requirements, _requirements())
st.register_type_strategy(Sample, _samples())


def events() -> st.SearchStrategy[Event]:
    """An event of any type of the catalogue."""
    return st.sampled_from(sorted(EVENTS)).flatmap(lambda name: _built(EVENTS[name]))

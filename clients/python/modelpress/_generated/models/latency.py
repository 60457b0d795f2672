from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Latency")


@_attrs_define
class Latency:
    """Wall-clock of one forward pass."""

    p50: float
    """ median [ms]. """
    iqr: float
    """ interquartile range [ms]. """
    min_: float
    """ fastest pass [ms]. """
    n: int
    """ timed passes. """
    threads: int
    """ torch threads. """
    device: str
    """ ``cpu`` or a GPU's name. """
    dtype: str
    """ of the weights. """
    alone: bool | Unset = UNSET
    """ whether no other job computed on the machine meanwhile. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        p50 = self.p50

        iqr = self.iqr

        min_ = self.min_

        n = self.n

        threads = self.threads

        device = self.device

        dtype = self.dtype

        alone = self.alone

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "p50": p50,
                "iqr": iqr,
                "min": min_,
                "n": n,
                "threads": threads,
                "device": device,
                "dtype": dtype,
            }
        )
        if alone is not UNSET:
            field_dict["alone"] = alone

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        p50 = d.pop("p50")

        iqr = d.pop("iqr")

        min_ = d.pop("min")

        n = d.pop("n")

        threads = d.pop("threads")

        device = d.pop("device")

        dtype = d.pop("dtype")

        alone = d.pop("alone", UNSET)

        latency = cls(
            p50=p50,
            iqr=iqr,
            min_=min_,
            n=n,
            threads=threads,
            device=device,
            dtype=dtype,
            alone=alone,
        )

        latency.additional_properties = d
        return latency

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties

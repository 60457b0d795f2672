from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ModuleProfile")


@_attrs_define
class ModuleProfile:
    """What one module of a model adds to its figures, with the modules within it."""

    path: str
    """ its place in the model; empty for the model itself. """
    type_: str
    """ its class. """
    params_total: int
    """ its parameters, a shared one once. """
    macs_executed: int
    """ MACs in one forward pass of the whole batch. """
    macs_theoretical: int
    """ the same without products with stored zeros. """
    latency_ms: float | None
    """ median wall-clock in one pass, with what reading the clock for every module costs [ms]; """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        path = self.path

        type_ = self.type_

        params_total = self.params_total

        macs_executed = self.macs_executed

        macs_theoretical = self.macs_theoretical

        latency_ms: float | None
        latency_ms = self.latency_ms

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "path": path,
                "type": type_,
                "params_total": params_total,
                "macs_executed": macs_executed,
                "macs_theoretical": macs_theoretical,
                "latency_ms": latency_ms,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        path = d.pop("path")

        type_ = d.pop("type")

        params_total = d.pop("params_total")

        macs_executed = d.pop("macs_executed")

        macs_theoretical = d.pop("macs_theoretical")

        def _parse_latency_ms(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        latency_ms = _parse_latency_ms(d.pop("latency_ms"))

        module_profile = cls(
            path=path,
            type_=type_,
            params_total=params_total,
            macs_executed=macs_executed,
            macs_theoretical=macs_theoretical,
            latency_ms=latency_ms,
        )

        module_profile.additional_properties = d
        return module_profile

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

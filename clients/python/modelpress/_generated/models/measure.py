from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Measure")


@_attrs_define
class Measure:
    """One of the figures that the points of a landscape are compared by."""

    name: str
    """ its key in a point's values. """
    title: str
    """ what an axis is called. """
    unit: str
    """ of its values; empty for a pure number. """
    role: str
    """ ``cost`` or ``quality``. """
    better: str
    """ ``lower`` or ``higher``. """
    protocol: str
    """ how it was measured, in a sentence. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        title = self.title

        unit = self.unit

        role = self.role

        better = self.better

        protocol = self.protocol

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "title": title,
                "unit": unit,
                "role": role,
                "better": better,
                "protocol": protocol,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        title = d.pop("title")

        unit = d.pop("unit")

        role = d.pop("role")

        better = d.pop("better")

        protocol = d.pop("protocol")

        measure = cls(
            name=name,
            title=title,
            unit=unit,
            role=role,
            better=better,
            protocol=protocol,
        )

        measure.additional_properties = d
        return measure

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

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Front")


@_attrs_define
class Front:
    """The points that no other beats in both of two measures, from the cheapest on."""

    cost: str
    """ a measure. """
    quality: str
    """ another. """
    points: list[str]
    """ their names, by rising cost. """
    knee: None | str
    """ the name of the one after which more cost buys least; None where the front has no bend. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        cost = self.cost

        quality = self.quality

        points = self.points

        knee: None | str
        knee = self.knee

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "cost": cost,
                "quality": quality,
                "points": points,
                "knee": knee,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        cost = d.pop("cost")

        quality = d.pop("quality")

        points = cast(list[str], d.pop("points"))

        def _parse_knee(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        knee = _parse_knee(d.pop("knee"))

        front = cls(
            cost=cost,
            quality=quality,
            points=points,
            knee=knee,
        )

        front.additional_properties = d
        return front

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

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Controls")


@_attrs_define
class Controls:
    """What the points are held against, beside the dense model, which always is."""

    first_layers: list[float] | Unset = UNSET
    """ Also cut the model to its first layers, without training: these shares of them go """
    same_steps: bool | Unset = False
    """ Also put the dense model through the steps of the recovery, which must be asked for """

    def to_dict(self) -> dict[str, Any]:
        first_layers: list[float] | Unset = UNSET
        if not isinstance(self.first_layers, Unset):
            first_layers = self.first_layers

        same_steps = self.same_steps

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if first_layers is not UNSET:
            field_dict["first_layers"] = first_layers
        if same_steps is not UNSET:
            field_dict["same_steps"] = same_steps

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        first_layers = cast(list[float], d.pop("first_layers", UNSET))

        same_steps = d.pop("same_steps", UNSET)

        controls = cls(
            first_layers=first_layers,
            same_steps=same_steps,
        )

        return controls

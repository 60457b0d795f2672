from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.grid_technique import GridTechnique, check_grid_technique
from ..models.target_metric import TargetMetric, check_target_metric
from ..types import UNSET, Unset

T = TypeVar("T", bound="Grid")


@_attrs_define
class Grid:
    """Every technique and target at every amount."""

    removed: list[float]
    """ Shares of what each removes: heads, units, layers, weights, or the parameters of factorised matrices """
    techniques: list[GridTechnique] | Unset = UNSET
    """ Techniques, each as it does best with the request's data or without; for other parameters name points """
    targets: list[TargetMetric] | Unset = UNSET
    """ Figures of the encoder that are to come down by these shares, however that is met """

    def to_dict(self) -> dict[str, Any]:
        removed = self.removed

        techniques: list[str] | Unset = UNSET
        if not isinstance(self.techniques, Unset):
            techniques = []
            for techniques_item_data in self.techniques:
                techniques_item: str = techniques_item_data
                techniques.append(techniques_item)

        targets: list[str] | Unset = UNSET
        if not isinstance(self.targets, Unset):
            targets = []
            for targets_item_data in self.targets:
                targets_item: str = targets_item_data
                targets.append(targets_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "removed": removed,
            }
        )
        if techniques is not UNSET:
            field_dict["techniques"] = techniques
        if targets is not UNSET:
            field_dict["targets"] = targets

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        removed = cast(list[float], d.pop("removed"))

        _techniques = d.pop("techniques", UNSET)
        techniques: list[GridTechnique] | Unset = UNSET
        if _techniques is not UNSET:
            techniques = []
            for techniques_item_data in _techniques:
                techniques_item = check_grid_technique(techniques_item_data)

                techniques.append(techniques_item)

        _targets = d.pop("targets", UNSET)
        targets: list[TargetMetric] | Unset = UNSET
        if _targets is not UNSET:
            targets = []
            for targets_item_data in _targets:
                targets_item = check_target_metric(targets_item_data)

                targets.append(targets_item)

        grid = cls(
            removed=removed,
            techniques=techniques,
            targets=targets,
        )

        return grid

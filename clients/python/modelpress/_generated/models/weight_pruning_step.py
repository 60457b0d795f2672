from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..models.weight_pruning_criterion import WeightPruningCriterion, check_weight_pruning_criterion
from ..models.weight_pruning_scope import WeightPruningScope, check_weight_pruning_scope
from ..types import UNSET, Unset

T = TypeVar("T", bound="WeightPruningStep")


@_attrs_define
class WeightPruningStep:
    """Set the smallest single weights to zero; shapes stay as they are."""

    sparsity: float
    """ Share of the weights that is zero afterwards. """
    technique: Literal["weight_pruning"]
    criterion: WeightPruningCriterion | Unset = UNSET
    scope: WeightPruningScope | Unset = UNSET
    include_bias: bool | Unset = False
    """ Whether the maps' biases take part. """

    def to_dict(self) -> dict[str, Any]:
        sparsity = self.sparsity

        technique = self.technique

        criterion: str | Unset = UNSET
        if not isinstance(self.criterion, Unset):
            criterion = self.criterion

        scope: str | Unset = UNSET
        if not isinstance(self.scope, Unset):
            scope = self.scope

        include_bias = self.include_bias

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "sparsity": sparsity,
                "technique": technique,
            }
        )
        if criterion is not UNSET:
            field_dict["criterion"] = criterion
        if scope is not UNSET:
            field_dict["scope"] = scope
        if include_bias is not UNSET:
            field_dict["include_bias"] = include_bias

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        sparsity = d.pop("sparsity")

        technique = cast(Literal["weight_pruning"], d.pop("technique"))
        if technique != "weight_pruning":
            raise ValueError(f"technique must match const 'weight_pruning', got '{technique}'")

        _criterion = d.pop("criterion", UNSET)
        criterion: WeightPruningCriterion | Unset
        if isinstance(_criterion, Unset):
            criterion = UNSET
        else:
            criterion = check_weight_pruning_criterion(_criterion)

        _scope = d.pop("scope", UNSET)
        scope: WeightPruningScope | Unset
        if isinstance(_scope, Unset):
            scope = UNSET
        else:
            scope = check_weight_pruning_scope(_scope)

        include_bias = d.pop("include_bias", UNSET)

        weight_pruning_step = cls(
            sparsity=sparsity,
            technique=technique,
            criterion=criterion,
            scope=scope,
            include_bias=include_bias,
        )

        return weight_pruning_step

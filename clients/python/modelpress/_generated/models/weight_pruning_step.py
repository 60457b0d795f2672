from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..models.weight_pruning_criterion import WeightPruningCriterion, check_weight_pruning_criterion
from ..models.weight_pruning_pattern import WeightPruningPattern, check_weight_pruning_pattern
from ..models.weight_pruning_scope import WeightPruningScope, check_weight_pruning_scope
from ..types import UNSET, Unset

T = TypeVar("T", bound="WeightPruningStep")


@_attrs_define
class WeightPruningStep:
    """Set single weights, or small blocks of them, to zero; shapes stay as they are."""

    technique: Literal["weight_pruning"]
    sparsity: float | Unset = 0.5
    """ Share of the weights that is zero afterwards; in pattern 2:4 always half. """
    criterion: WeightPruningCriterion | Unset = UNSET
    pattern: WeightPruningPattern | Unset = UNSET
    block_size: int | Unset = UNSET
    """ Side of the square blocks, in weights; for pattern block, which needs it. """
    scope: WeightPruningScope | Unset = UNSET
    include_bias: bool | Unset = False
    """ Whether the maps' biases take part; only by magnitude and unstructured. """
    schedule: list[float] | Unset = UNSET
    """ Sparsities to pass through on the way, rising, all below the final one. The model recovers after each of
    them and after the last, which needs data. """
    recovery_steps: int | Unset = 200
    """ With a schedule, most training steps of each recovery; it ends before where the loss has settled. """
    seed: int | Unset = 0
    """ Of the order in which recovery sees data. """

    def to_dict(self) -> dict[str, Any]:
        technique = self.technique

        sparsity = self.sparsity

        criterion: str | Unset = UNSET
        if not isinstance(self.criterion, Unset):
            criterion = self.criterion

        pattern: str | Unset = UNSET
        if not isinstance(self.pattern, Unset):
            pattern = self.pattern

        block_size = self.block_size

        scope: str | Unset = UNSET
        if not isinstance(self.scope, Unset):
            scope = self.scope

        include_bias = self.include_bias

        schedule: list[float] | Unset = UNSET
        if not isinstance(self.schedule, Unset):
            schedule = self.schedule

        recovery_steps = self.recovery_steps

        seed = self.seed

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "technique": technique,
            }
        )
        if sparsity is not UNSET:
            field_dict["sparsity"] = sparsity
        if criterion is not UNSET:
            field_dict["criterion"] = criterion
        if pattern is not UNSET:
            field_dict["pattern"] = pattern
        if block_size is not UNSET:
            field_dict["block_size"] = block_size
        if scope is not UNSET:
            field_dict["scope"] = scope
        if include_bias is not UNSET:
            field_dict["include_bias"] = include_bias
        if schedule is not UNSET:
            field_dict["schedule"] = schedule
        if recovery_steps is not UNSET:
            field_dict["recovery_steps"] = recovery_steps
        if seed is not UNSET:
            field_dict["seed"] = seed

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        technique = cast(Literal["weight_pruning"], d.pop("technique"))
        if technique != "weight_pruning":
            raise ValueError(f"technique must match const 'weight_pruning', got '{technique}'")

        sparsity = d.pop("sparsity", UNSET)

        _criterion = d.pop("criterion", UNSET)
        criterion: WeightPruningCriterion | Unset
        if isinstance(_criterion, Unset):
            criterion = UNSET
        else:
            criterion = check_weight_pruning_criterion(_criterion)

        _pattern = d.pop("pattern", UNSET)
        pattern: WeightPruningPattern | Unset
        if isinstance(_pattern, Unset):
            pattern = UNSET
        else:
            pattern = check_weight_pruning_pattern(_pattern)

        block_size = d.pop("block_size", UNSET)

        _scope = d.pop("scope", UNSET)
        scope: WeightPruningScope | Unset
        if isinstance(_scope, Unset):
            scope = UNSET
        else:
            scope = check_weight_pruning_scope(_scope)

        include_bias = d.pop("include_bias", UNSET)

        schedule = cast(list[float], d.pop("schedule", UNSET))

        recovery_steps = d.pop("recovery_steps", UNSET)

        seed = d.pop("seed", UNSET)

        weight_pruning_step = cls(
            technique=technique,
            sparsity=sparsity,
            criterion=criterion,
            pattern=pattern,
            block_size=block_size,
            scope=scope,
            include_bias=include_bias,
            schedule=schedule,
            recovery_steps=recovery_steps,
            seed=seed,
        )

        return weight_pruning_step

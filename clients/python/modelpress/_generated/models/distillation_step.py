from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="DistillationStep")


@_attrs_define
class DistillationStep:
    """Keep some layers and teach them to imitate the whole model."""

    layers_kept: int | list[int]
    """ Layers that stay: how many, or which. """
    technique: Literal["distillation"]
    steps: int | Unset = 100
    """ Training steps; 0 only drops layers, and needs no data. """
    learning_rate: float | Unset = 0.0001
    """ Peak learning rate of AdamW. """
    seed: int | Unset = 0
    """ Decides the order of the batches. """

    def to_dict(self) -> dict[str, Any]:
        layers_kept: int | list[int]
        if isinstance(self.layers_kept, list):
            layers_kept = self.layers_kept

        else:
            layers_kept = self.layers_kept

        technique = self.technique

        steps = self.steps

        learning_rate = self.learning_rate

        seed = self.seed

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "layers_kept": layers_kept,
                "technique": technique,
            }
        )
        if steps is not UNSET:
            field_dict["steps"] = steps
        if learning_rate is not UNSET:
            field_dict["learning_rate"] = learning_rate
        if seed is not UNSET:
            field_dict["seed"] = seed

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_layers_kept(data: object) -> int | list[int]:
            try:
                if not isinstance(data, list):
                    raise TypeError()
                layers_kept_type_1 = cast(list[int], data)

                return layers_kept_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(int | list[int], data)

        layers_kept = _parse_layers_kept(d.pop("layers_kept"))

        technique = cast(Literal["distillation"], d.pop("technique"))
        if technique != "distillation":
            raise ValueError(f"technique must match const 'distillation', got '{technique}'")

        steps = d.pop("steps", UNSET)

        learning_rate = d.pop("learning_rate", UNSET)

        seed = d.pop("seed", UNSET)

        distillation_step = cls(
            layers_kept=layers_kept,
            technique=technique,
            steps=steps,
            learning_rate=learning_rate,
            seed=seed,
        )

        return distillation_step

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Recovery")


@_attrs_define
class Recovery:
    """Label-free self-distillation to the dense model after the last step."""

    steps: int
    """ Optimiser steps """
    learning_rate: float | Unset = 0.0001
    """ Peak learning rate """
    seed: int | Unset = 0
    """ Seed of the order of the batches """

    def to_dict(self) -> dict[str, Any]:
        steps = self.steps

        learning_rate = self.learning_rate

        seed = self.seed

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "steps": steps,
            }
        )
        if learning_rate is not UNSET:
            field_dict["learning_rate"] = learning_rate
        if seed is not UNSET:
            field_dict["seed"] = seed

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        steps = d.pop("steps")

        learning_rate = d.pop("learning_rate", UNSET)

        seed = d.pop("seed", UNSET)

        recovery = cls(
            steps=steps,
            learning_rate=learning_rate,
            seed=seed,
        )

        return recovery

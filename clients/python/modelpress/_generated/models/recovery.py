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
    """ Optimiser steps, at most """
    learning_rate: float | Unset = 0.001
    """ Peak learning rate """
    batch_size: int | Unset = UNSET
    """ Sequences that a step learns from; if left out, 128 of text, 16 of audio, 32 of image """
    seed: int | Unset = 0
    """ Seed of the order of the batches """
    max_seconds: float | Unset = UNSET
    """ Learning ends after so long [s]; the same request may then give other weights """
    checkpoint_every: int | Unset = 100
    """ Steps between two snapshots to resume from """
    control: bool | Unset = False
    """ Also put the dense model through these steps, and report what that alone costs """

    def to_dict(self) -> dict[str, Any]:
        steps = self.steps

        learning_rate = self.learning_rate

        batch_size = self.batch_size

        seed = self.seed

        max_seconds = self.max_seconds

        checkpoint_every = self.checkpoint_every

        control = self.control

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "steps": steps,
            }
        )
        if learning_rate is not UNSET:
            field_dict["learning_rate"] = learning_rate
        if batch_size is not UNSET:
            field_dict["batch_size"] = batch_size
        if seed is not UNSET:
            field_dict["seed"] = seed
        if max_seconds is not UNSET:
            field_dict["max_seconds"] = max_seconds
        if checkpoint_every is not UNSET:
            field_dict["checkpoint_every"] = checkpoint_every
        if control is not UNSET:
            field_dict["control"] = control

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        steps = d.pop("steps")

        learning_rate = d.pop("learning_rate", UNSET)

        batch_size = d.pop("batch_size", UNSET)

        seed = d.pop("seed", UNSET)

        max_seconds = d.pop("max_seconds", UNSET)

        checkpoint_every = d.pop("checkpoint_every", UNSET)

        control = d.pop("control", UNSET)

        recovery = cls(
            steps=steps,
            learning_rate=learning_rate,
            batch_size=batch_size,
            seed=seed,
            max_seconds=max_seconds,
            checkpoint_every=checkpoint_every,
            control=control,
        )

        return recovery

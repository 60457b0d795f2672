from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..models.distillation_layers_chosen import DistillationLayersChosen, check_distillation_layers_chosen
from ..types import UNSET, Unset

T = TypeVar("T", bound="DistillationStep")


@_attrs_define
class DistillationStep:
    """Keep some layers, heads and units, and teach what is left to imitate the whole model."""

    technique: Literal["distillation"]
    layers_kept: int | list[int] | Unset = UNSET
    """ Layers that stay: how many, or which; all of them for a student that is only narrower. """
    layers_removed: float | Unset = UNSET
    """ Share of the layers that goes. """
    layers_chosen: DistillationLayersChosen | Unset = UNSET
    heads_kept: int | Unset = UNSET
    """ Heads that stay in each layer; all if left out. """
    units_kept: int | Unset = UNSET
    """ Feed-forward units that stay in each layer; all if left out. """
    steps: int | Unset = 500
    """ Training steps; 0 only cuts, and needs no data. """
    learning_rate: float | Unset = 0.001
    """ Peak learning rate of AdamW. """
    batch_size: int | Unset = UNSET
    """ Sequences that a step learns from; if left out, 128 of text, 16 of audio, 32 of image. """
    layers_matched: list[int] | Unset = UNSET
    """ The teacher's layer that each layer which stays imitates, bottom first; its own if left out. The last one
    always learns the teacher's output. """
    output_weight: float | Unset = 1.0
    """ Weight of the output's distance: L1 and cosine. """
    hidden_weight: float | Unset = 1.0
    """ Weight of the layers' distance: L1 and cosine. """
    relations_weight: float | Unset = 0.0
    """ Weight of the last layer's relations among queries, keys and values, as in MiniLMv2. """
    logits_weight: float | Unset = 0.0
    """ Weight of the divergence of a task head's logits; needs a model with a head. """
    temperature: float | Unset = 2.0
    """ Softens the logits of teacher and student. """
    max_seconds: float | Unset = UNSET
    """ Learning ends after so long; what comes out then depends on the machine. """
    checkpoint_every: int | Unset = 100
    """ Steps between two snapshots to resume from. """
    seed: int | Unset = 0
    """ Decides the order of the batches. """

    def to_dict(self) -> dict[str, Any]:
        technique = self.technique

        layers_kept: int | list[int] | Unset
        if isinstance(self.layers_kept, Unset):
            layers_kept = UNSET
        elif isinstance(self.layers_kept, list):
            layers_kept = self.layers_kept

        else:
            layers_kept = self.layers_kept

        layers_removed = self.layers_removed

        layers_chosen: str | Unset = UNSET
        if not isinstance(self.layers_chosen, Unset):
            layers_chosen = self.layers_chosen

        heads_kept = self.heads_kept

        units_kept = self.units_kept

        steps = self.steps

        learning_rate = self.learning_rate

        batch_size = self.batch_size

        layers_matched: list[int] | Unset = UNSET
        if not isinstance(self.layers_matched, Unset):
            layers_matched = self.layers_matched

        output_weight = self.output_weight

        hidden_weight = self.hidden_weight

        relations_weight = self.relations_weight

        logits_weight = self.logits_weight

        temperature = self.temperature

        max_seconds = self.max_seconds

        checkpoint_every = self.checkpoint_every

        seed = self.seed

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "technique": technique,
            }
        )
        if layers_kept is not UNSET:
            field_dict["layers_kept"] = layers_kept
        if layers_removed is not UNSET:
            field_dict["layers_removed"] = layers_removed
        if layers_chosen is not UNSET:
            field_dict["layers_chosen"] = layers_chosen
        if heads_kept is not UNSET:
            field_dict["heads_kept"] = heads_kept
        if units_kept is not UNSET:
            field_dict["units_kept"] = units_kept
        if steps is not UNSET:
            field_dict["steps"] = steps
        if learning_rate is not UNSET:
            field_dict["learning_rate"] = learning_rate
        if batch_size is not UNSET:
            field_dict["batch_size"] = batch_size
        if layers_matched is not UNSET:
            field_dict["layers_matched"] = layers_matched
        if output_weight is not UNSET:
            field_dict["output_weight"] = output_weight
        if hidden_weight is not UNSET:
            field_dict["hidden_weight"] = hidden_weight
        if relations_weight is not UNSET:
            field_dict["relations_weight"] = relations_weight
        if logits_weight is not UNSET:
            field_dict["logits_weight"] = logits_weight
        if temperature is not UNSET:
            field_dict["temperature"] = temperature
        if max_seconds is not UNSET:
            field_dict["max_seconds"] = max_seconds
        if checkpoint_every is not UNSET:
            field_dict["checkpoint_every"] = checkpoint_every
        if seed is not UNSET:
            field_dict["seed"] = seed

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        technique = cast(Literal["distillation"], d.pop("technique"))
        if technique != "distillation":
            raise ValueError(f"technique must match const 'distillation', got '{technique}'")

        def _parse_layers_kept(data: object) -> int | list[int] | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                layers_kept_type_1 = cast(list[int], data)

                return layers_kept_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(int | list[int] | Unset, data)

        layers_kept = _parse_layers_kept(d.pop("layers_kept", UNSET))

        layers_removed = d.pop("layers_removed", UNSET)

        _layers_chosen = d.pop("layers_chosen", UNSET)
        layers_chosen: DistillationLayersChosen | Unset
        if isinstance(_layers_chosen, Unset):
            layers_chosen = UNSET
        else:
            layers_chosen = check_distillation_layers_chosen(_layers_chosen)

        heads_kept = d.pop("heads_kept", UNSET)

        units_kept = d.pop("units_kept", UNSET)

        steps = d.pop("steps", UNSET)

        learning_rate = d.pop("learning_rate", UNSET)

        batch_size = d.pop("batch_size", UNSET)

        layers_matched = cast(list[int], d.pop("layers_matched", UNSET))

        output_weight = d.pop("output_weight", UNSET)

        hidden_weight = d.pop("hidden_weight", UNSET)

        relations_weight = d.pop("relations_weight", UNSET)

        logits_weight = d.pop("logits_weight", UNSET)

        temperature = d.pop("temperature", UNSET)

        max_seconds = d.pop("max_seconds", UNSET)

        checkpoint_every = d.pop("checkpoint_every", UNSET)

        seed = d.pop("seed", UNSET)

        distillation_step = cls(
            technique=technique,
            layers_kept=layers_kept,
            layers_removed=layers_removed,
            layers_chosen=layers_chosen,
            heads_kept=heads_kept,
            units_kept=units_kept,
            steps=steps,
            learning_rate=learning_rate,
            batch_size=batch_size,
            layers_matched=layers_matched,
            output_weight=output_weight,
            hidden_weight=hidden_weight,
            relations_weight=relations_weight,
            logits_weight=logits_weight,
            temperature=temperature,
            max_seconds=max_seconds,
            checkpoint_every=checkpoint_every,
            seed=seed,
        )

        return distillation_step

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..models.ffn_pruning_scope import FfnPruningScope, check_ffn_pruning_scope
from ..models.ffn_pruning_score import FfnPruningScore, check_ffn_pruning_score
from ..types import UNSET, Unset

T = TypeVar("T", bound="FfnPruningStep")


@_attrs_define
class FfnPruningStep:
    """Remove feed-forward units; both maps of the pair get smaller."""

    technique: Literal["ffn_pruning"]
    units_removed: float | Unset = UNSET
    """ Share of the hidden units that goes. """
    units_kept: int | Unset = UNSET
    """ Units that stay: in each layer, or with scope global in all layers together. """
    score: FfnPruningScore | Unset = UNSET
    scope: FfnPruningScope | Unset = UNSET
    reconstruct: bool | Unset = True
    """ Refit the next projection by least squares on the request's data. Without data it is left out, and the
    report says so. """
    seed: int | Unset = 0
    """ Of the random probes that taylor and fisher take. """

    def to_dict(self) -> dict[str, Any]:
        technique = self.technique

        units_removed = self.units_removed

        units_kept = self.units_kept

        score: str | Unset = UNSET
        if not isinstance(self.score, Unset):
            score = self.score

        scope: str | Unset = UNSET
        if not isinstance(self.scope, Unset):
            scope = self.scope

        reconstruct = self.reconstruct

        seed = self.seed

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "technique": technique,
            }
        )
        if units_removed is not UNSET:
            field_dict["units_removed"] = units_removed
        if units_kept is not UNSET:
            field_dict["units_kept"] = units_kept
        if score is not UNSET:
            field_dict["score"] = score
        if scope is not UNSET:
            field_dict["scope"] = scope
        if reconstruct is not UNSET:
            field_dict["reconstruct"] = reconstruct
        if seed is not UNSET:
            field_dict["seed"] = seed

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        technique = cast(Literal["ffn_pruning"], d.pop("technique"))
        if technique != "ffn_pruning":
            raise ValueError(f"technique must match const 'ffn_pruning', got '{technique}'")

        units_removed = d.pop("units_removed", UNSET)

        units_kept = d.pop("units_kept", UNSET)

        _score = d.pop("score", UNSET)
        score: FfnPruningScore | Unset
        if isinstance(_score, Unset):
            score = UNSET
        else:
            score = check_ffn_pruning_score(_score)

        _scope = d.pop("scope", UNSET)
        scope: FfnPruningScope | Unset
        if isinstance(_scope, Unset):
            scope = UNSET
        else:
            scope = check_ffn_pruning_scope(_scope)

        reconstruct = d.pop("reconstruct", UNSET)

        seed = d.pop("seed", UNSET)

        ffn_pruning_step = cls(
            technique=technique,
            units_removed=units_removed,
            units_kept=units_kept,
            score=score,
            scope=scope,
            reconstruct=reconstruct,
            seed=seed,
        )

        return ffn_pruning_step

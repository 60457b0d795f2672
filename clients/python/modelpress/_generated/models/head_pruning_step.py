from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..models.head_pruning_scope import HeadPruningScope, check_head_pruning_scope
from ..models.head_pruning_score import HeadPruningScore, check_head_pruning_score
from ..types import UNSET, Unset

T = TypeVar("T", bound="HeadPruningStep")


@_attrs_define
class HeadPruningStep:
    """Remove whole attention heads; the projections get smaller."""

    technique: Literal["head_pruning"]
    heads_removed: float | Unset = UNSET
    """ Share of the heads that goes. """
    heads_kept: int | Unset = UNSET
    """ Heads that stay: in each layer, or with scope global in all layers together. """
    score: HeadPruningScore | Unset = UNSET
    scope: HeadPruningScope | Unset = UNSET
    reconstruct: bool | Unset = True
    """ Refit the next projection by least squares on the request's data. Without data it is left out, and the
    report says so. """
    seed: int | Unset = 0
    """ Of the random probes that taylor and fisher take. """

    def to_dict(self) -> dict[str, Any]:
        technique = self.technique

        heads_removed = self.heads_removed

        heads_kept = self.heads_kept

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
        if heads_removed is not UNSET:
            field_dict["heads_removed"] = heads_removed
        if heads_kept is not UNSET:
            field_dict["heads_kept"] = heads_kept
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
        technique = cast(Literal["head_pruning"], d.pop("technique"))
        if technique != "head_pruning":
            raise ValueError(f"technique must match const 'head_pruning', got '{technique}'")

        heads_removed = d.pop("heads_removed", UNSET)

        heads_kept = d.pop("heads_kept", UNSET)

        _score = d.pop("score", UNSET)
        score: HeadPruningScore | Unset
        if isinstance(_score, Unset):
            score = UNSET
        else:
            score = check_head_pruning_score(_score)

        _scope = d.pop("scope", UNSET)
        scope: HeadPruningScope | Unset
        if isinstance(_scope, Unset):
            scope = UNSET
        else:
            scope = check_head_pruning_scope(_scope)

        reconstruct = d.pop("reconstruct", UNSET)

        seed = d.pop("seed", UNSET)

        head_pruning_step = cls(
            technique=technique,
            heads_removed=heads_removed,
            heads_kept=heads_kept,
            score=score,
            scope=scope,
            reconstruct=reconstruct,
            seed=seed,
        )

        return head_pruning_step

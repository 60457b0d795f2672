from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..models.low_rank_allocation import LowRankAllocation, check_low_rank_allocation
from ..models.low_rank_modules import LowRankModules, check_low_rank_modules
from ..models.low_rank_weighting import LowRankWeighting, check_low_rank_weighting
from ..types import UNSET, Unset

T = TypeVar("T", bound="LowRankStep")


@_attrs_define
class LowRankStep:
    """Replace linear maps by the product of two thin ones."""

    technique: Literal["low_rank"]
    rank_ratio: float | Unset = UNSET
    """ Share of the matrices' parameters that is kept. """
    rank: int | Unset = UNSET
    """ The same rank for every matrix. """
    energy: float | Unset = UNSET
    """ Share of the sum of squared singular values that is kept. """
    weighting: LowRankWeighting | Unset = UNSET
    allocation: LowRankAllocation | Unset = UNSET
    modules: LowRankModules | Unset = UNSET
    reconstruct: bool | Unset = True
    """ Fit every map, from the first layer to the last, to give what the dense one gave on the request's data.
    Without data it is left out, and the report says so. """
    seed: int | Unset = 0
    """ Of the random probes of fisher and activation. """

    def to_dict(self) -> dict[str, Any]:
        technique = self.technique

        rank_ratio = self.rank_ratio

        rank = self.rank

        energy = self.energy

        weighting: str | Unset = UNSET
        if not isinstance(self.weighting, Unset):
            weighting = self.weighting

        allocation: str | Unset = UNSET
        if not isinstance(self.allocation, Unset):
            allocation = self.allocation

        modules: str | Unset = UNSET
        if not isinstance(self.modules, Unset):
            modules = self.modules

        reconstruct = self.reconstruct

        seed = self.seed

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "technique": technique,
            }
        )
        if rank_ratio is not UNSET:
            field_dict["rank_ratio"] = rank_ratio
        if rank is not UNSET:
            field_dict["rank"] = rank
        if energy is not UNSET:
            field_dict["energy"] = energy
        if weighting is not UNSET:
            field_dict["weighting"] = weighting
        if allocation is not UNSET:
            field_dict["allocation"] = allocation
        if modules is not UNSET:
            field_dict["modules"] = modules
        if reconstruct is not UNSET:
            field_dict["reconstruct"] = reconstruct
        if seed is not UNSET:
            field_dict["seed"] = seed

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        technique = cast(Literal["low_rank"], d.pop("technique"))
        if technique != "low_rank":
            raise ValueError(f"technique must match const 'low_rank', got '{technique}'")

        rank_ratio = d.pop("rank_ratio", UNSET)

        rank = d.pop("rank", UNSET)

        energy = d.pop("energy", UNSET)

        _weighting = d.pop("weighting", UNSET)
        weighting: LowRankWeighting | Unset
        if isinstance(_weighting, Unset):
            weighting = UNSET
        else:
            weighting = check_low_rank_weighting(_weighting)

        _allocation = d.pop("allocation", UNSET)
        allocation: LowRankAllocation | Unset
        if isinstance(_allocation, Unset):
            allocation = UNSET
        else:
            allocation = check_low_rank_allocation(_allocation)

        _modules = d.pop("modules", UNSET)
        modules: LowRankModules | Unset
        if isinstance(_modules, Unset):
            modules = UNSET
        else:
            modules = check_low_rank_modules(_modules)

        reconstruct = d.pop("reconstruct", UNSET)

        seed = d.pop("seed", UNSET)

        low_rank_step = cls(
            technique=technique,
            rank_ratio=rank_ratio,
            rank=rank,
            energy=energy,
            weighting=weighting,
            allocation=allocation,
            modules=modules,
            reconstruct=reconstruct,
            seed=seed,
        )

        return low_rank_step

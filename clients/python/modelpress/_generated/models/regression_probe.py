from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.labelled_ref import LabelledRef


T = TypeVar("T", bound="RegressionProbe")


@_attrs_define
class RegressionProbe:
    """How well a linear map of the frozen hidden states, averaged over time, foretells a number: R²."""

    probe: Literal["regression"]
    data: LabelledRef
    """ Data with labels: recordings or images beside a metadata.csv or metadata.jsonl, or a table of texts. """
    label: str
    """ The column of the numbers """
    seeds: int | list[int] | Unset = UNSET
    """ Splits into samples to fit on and samples to judge by: how many, or the seed of each """

    def to_dict(self) -> dict[str, Any]:
        probe = self.probe

        data = self.data.to_dict()

        label = self.label

        seeds: int | list[int] | Unset
        if isinstance(self.seeds, Unset):
            seeds = UNSET
        elif isinstance(self.seeds, list):
            seeds = self.seeds

        else:
            seeds = self.seeds

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "probe": probe,
                "data": data,
                "label": label,
            }
        )
        if seeds is not UNSET:
            field_dict["seeds"] = seeds

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.labelled_ref import LabelledRef  # noqa: PLC0415

        d = dict(src_dict)
        probe = cast(Literal["regression"], d.pop("probe"))
        if probe != "regression":
            raise ValueError(f"probe must match const 'regression', got '{probe}'")

        data = LabelledRef.from_dict(d.pop("data"))

        label = d.pop("label")

        def _parse_seeds(data: object) -> int | list[int] | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                seeds_type_1 = cast(list[int], data)

                return seeds_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(int | list[int] | Unset, data)

        seeds = _parse_seeds(d.pop("seeds", UNSET))

        regression_probe = cls(
            probe=probe,
            data=data,
            label=label,
            seeds=seeds,
        )

        return regression_probe

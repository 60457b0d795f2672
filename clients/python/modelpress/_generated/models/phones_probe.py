from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..models.symbol_unit import SymbolUnit, check_symbol_unit
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.labelled_ref import LabelledRef


T = TypeVar("T", bound="PhonesProbe")


@_attrs_define
class PhonesProbe:
    """How well a linear map of the frozen hidden states, trained by CTC, spells what is said: error rate."""

    probe: Literal["phones"]
    data: LabelledRef
    """ Data with labels: recordings or images beside a metadata.csv or metadata.jsonl, or a table of texts. """
    label: str | Unset = "phones"
    """ The column of what is said """
    unit: SymbolUnit | Unset = UNSET
    seeds: int | list[int] | Unset = UNSET
    """ Splits into samples to fit on and samples to judge by: how many, or the seed of each """

    def to_dict(self) -> dict[str, Any]:
        probe = self.probe

        data = self.data.to_dict()

        label = self.label

        unit: str | Unset = UNSET
        if not isinstance(self.unit, Unset):
            unit = self.unit

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
            }
        )
        if label is not UNSET:
            field_dict["label"] = label
        if unit is not UNSET:
            field_dict["unit"] = unit
        if seeds is not UNSET:
            field_dict["seeds"] = seeds

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.labelled_ref import LabelledRef  # noqa: PLC0415

        d = dict(src_dict)
        probe = cast(Literal["phones"], d.pop("probe"))
        if probe != "phones":
            raise ValueError(f"probe must match const 'phones', got '{probe}'")

        data = LabelledRef.from_dict(d.pop("data"))

        label = d.pop("label", UNSET)

        _unit = d.pop("unit", UNSET)
        unit: SymbolUnit | Unset
        if isinstance(_unit, Unset):
            unit = UNSET
        else:
            unit = check_symbol_unit(_unit)

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

        phones_probe = cls(
            probe=probe,
            data=data,
            label=label,
            unit=unit,
            seeds=seeds,
        )

        return phones_probe

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..models.probe_layer import ProbeLayer, check_probe_layer
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.labelled_ref import LabelledRef


T = TypeVar("T", bound="ClassificationProbe")


@_attrs_define
class ClassificationProbe:
    """How well a linear map of the frozen hidden states, averaged over time, tells classes apart: accuracy."""

    probe: Literal["classification"]
    data: LabelledRef
    """ Data with labels: recordings or images beside a metadata.csv or metadata.jsonl, or a table of texts. """
    label: str
    """ The column of the classes """
    seeds: int | list[int] | Unset = UNSET
    """ Splits into samples to fit on and samples to judge by: how many, or the seed of each """
    layer: ProbeLayer | Unset = UNSET

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

        layer: str | Unset = UNSET
        if not isinstance(self.layer, Unset):
            layer = self.layer

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
        if layer is not UNSET:
            field_dict["layer"] = layer

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.labelled_ref import LabelledRef  # noqa: PLC0415

        d = dict(src_dict)
        probe = cast(Literal["classification"], d.pop("probe"))
        if probe != "classification":
            raise ValueError(f"probe must match const 'classification', got '{probe}'")

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

        _layer = d.pop("layer", UNSET)
        layer: ProbeLayer | Unset
        if isinstance(_layer, Unset):
            layer = UNSET
        else:
            layer = check_probe_layer(_layer)

        classification_probe = cls(
            probe=probe,
            data=data,
            label=label,
            seeds=seeds,
            layer=layer,
        )

        return classification_probe

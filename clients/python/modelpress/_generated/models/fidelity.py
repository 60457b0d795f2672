from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.layer_fidelity import LayerFidelity


T = TypeVar("T", bound="Fidelity")


@_attrs_define
class Fidelity:
    """How close the compressed model's last hidden states are to the dense model's."""

    cosine: float
    """ mean cosine over positions that are not padding. """
    relative_error: float
    """ Frobenius norm of the difference over that of the dense output. """
    samples: int
    """ sequences compared. """
    source: str
    """ ``held_out`` (part of the request's data that no step has seen), ``calibration`` (too little to hold """
    layers: list[LayerFidelity] | Unset = UNSET
    """ the same layer by layer, bottom first; empty for a model that went by layers from disk to disk. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        cosine = self.cosine

        relative_error = self.relative_error

        samples = self.samples

        source = self.source

        layers: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.layers, Unset):
            layers = []
            for layers_item_data in self.layers:
                layers_item = layers_item_data.to_dict()
                layers.append(layers_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "cosine": cosine,
                "relative_error": relative_error,
                "samples": samples,
                "source": source,
            }
        )
        if layers is not UNSET:
            field_dict["layers"] = layers

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.layer_fidelity import LayerFidelity  # noqa: PLC0415

        d = dict(src_dict)
        cosine = d.pop("cosine")

        relative_error = d.pop("relative_error")

        samples = d.pop("samples")

        source = d.pop("source")

        _layers = d.pop("layers", UNSET)
        layers: list[LayerFidelity] | Unset = UNSET
        if _layers is not UNSET:
            layers = []
            for layers_item_data in _layers:
                layers_item = LayerFidelity.from_dict(layers_item_data)

                layers.append(layers_item)

        fidelity = cls(
            cosine=cosine,
            relative_error=relative_error,
            samples=samples,
            source=source,
            layers=layers,
        )

        fidelity.additional_properties = d
        return fidelity

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties

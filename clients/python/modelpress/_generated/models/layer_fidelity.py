from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="LayerFidelity")


@_attrs_define
class LayerFidelity:
    """How close the hidden states of one layer are to those of the same layer of the dense model."""

    layer: int
    """ its place in the compressed model, counted from 0 at the bottom. """
    of: int
    """ the place that it has in the dense model. """
    cosine: float
    """ mean cosine over positions that are not padding. """
    cka: float
    """ linear centred kernel alignment over the same positions: 1 where the states differ by a rotation and a """
    relative_error: float
    """ Frobenius norm of the difference over that of the dense states. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        layer = self.layer

        of = self.of

        cosine = self.cosine

        cka = self.cka

        relative_error = self.relative_error

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "layer": layer,
                "of": of,
                "cosine": cosine,
                "cka": cka,
                "relative_error": relative_error,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        layer = d.pop("layer")

        of = d.pop("of")

        cosine = d.pop("cosine")

        cka = d.pop("cka")

        relative_error = d.pop("relative_error")

        layer_fidelity = cls(
            layer=layer,
            of=of,
            cosine=cosine,
            cka=cka,
            relative_error=relative_error,
        )

        layer_fidelity.additional_properties = d
        return layer_fidelity

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

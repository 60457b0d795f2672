from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.input_profile import InputProfile


T = TypeVar("T", bound="Profile")


@_attrs_define
class Profile:
    """Figures of one model."""

    params_total: int
    params_nonzero: int
    params_encoder: int
    params_encoder_nonzero: int
    bytes_stored: int
    peak_memory_bytes: int
    inputs: list[InputProfile]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        params_total = self.params_total

        params_nonzero = self.params_nonzero

        params_encoder = self.params_encoder

        params_encoder_nonzero = self.params_encoder_nonzero

        bytes_stored = self.bytes_stored

        peak_memory_bytes = self.peak_memory_bytes

        inputs = []
        for inputs_item_data in self.inputs:
            inputs_item = inputs_item_data.to_dict()
            inputs.append(inputs_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "params_total": params_total,
                "params_nonzero": params_nonzero,
                "params_encoder": params_encoder,
                "params_encoder_nonzero": params_encoder_nonzero,
                "bytes_stored": bytes_stored,
                "peak_memory_bytes": peak_memory_bytes,
                "inputs": inputs,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.input_profile import InputProfile  # noqa: PLC0415

        d = dict(src_dict)
        params_total = d.pop("params_total")

        params_nonzero = d.pop("params_nonzero")

        params_encoder = d.pop("params_encoder")

        params_encoder_nonzero = d.pop("params_encoder_nonzero")

        bytes_stored = d.pop("bytes_stored")

        peak_memory_bytes = d.pop("peak_memory_bytes")

        inputs = []
        _inputs = d.pop("inputs")
        for inputs_item_data in _inputs:
            inputs_item = InputProfile.from_dict(inputs_item_data)

            inputs.append(inputs_item)

        profile = cls(
            params_total=params_total,
            params_nonzero=params_nonzero,
            params_encoder=params_encoder,
            params_encoder_nonzero=params_encoder_nonzero,
            bytes_stored=bytes_stored,
            peak_memory_bytes=peak_memory_bytes,
            inputs=inputs,
        )

        profile.additional_properties = d
        return profile

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

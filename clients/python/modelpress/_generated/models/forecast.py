from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.input_forecast import InputForecast


T = TypeVar("T", bound="Forecast")


@_attrs_define
class Forecast:
    """The figures of one model that nothing has to be timed for: a part of its profile, under the same names."""

    params_total: int
    params_encoder: int
    bytes_stored: int
    inputs: list[InputForecast]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        params_total = self.params_total

        params_encoder = self.params_encoder

        bytes_stored = self.bytes_stored

        inputs = []
        for inputs_item_data in self.inputs:
            inputs_item = inputs_item_data.to_dict()
            inputs.append(inputs_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "params_total": params_total,
                "params_encoder": params_encoder,
                "bytes_stored": bytes_stored,
                "inputs": inputs,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.input_forecast import InputForecast  # noqa: PLC0415

        d = dict(src_dict)
        params_total = d.pop("params_total")

        params_encoder = d.pop("params_encoder")

        bytes_stored = d.pop("bytes_stored")

        inputs = []
        _inputs = d.pop("inputs")
        for inputs_item_data in _inputs:
            inputs_item = InputForecast.from_dict(inputs_item_data)

            inputs.append(inputs_item)

        forecast = cls(
            params_total=params_total,
            params_encoder=params_encoder,
            bytes_stored=bytes_stored,
            inputs=inputs,
        )

        forecast.additional_properties = d
        return forecast

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

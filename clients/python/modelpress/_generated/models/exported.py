from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Exported")


@_attrs_define
class Exported:
    """The same model in a file for another runtime."""

    format_: str
    """ its kind, as it was asked for. """
    path: str
    """ its name in the artifact. """
    bytes_stored: int
    """ its size, with the weights that lie beside an ONNX graph of over 2 GB. """
    relative_error: float
    """ of its output, against the safetensors model's on the same input: |difference| / |output|. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        format_ = self.format_

        path = self.path

        bytes_stored = self.bytes_stored

        relative_error = self.relative_error

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "format": format_,
                "path": path,
                "bytes_stored": bytes_stored,
                "relative_error": relative_error,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        format_ = d.pop("format")

        path = d.pop("path")

        bytes_stored = d.pop("bytes_stored")

        relative_error = d.pop("relative_error")

        exported = cls(
            format_=format_,
            path=path,
            bytes_stored=bytes_stored,
            relative_error=relative_error,
        )

        exported.additional_properties = d
        return exported

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

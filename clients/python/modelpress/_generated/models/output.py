from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.output_format import OutputFormat, check_output_format
from ..models.storage import Storage, check_storage
from ..types import UNSET, Unset

T = TypeVar("T", bound="Output")


@_attrs_define
class Output:
    """What the artifact holds, beside the report."""

    formats: list[OutputFormat] | Unset = UNSET
    """ The safetensors folder is always written; the others hold the same model for ONNX Runtime (onnx_int8: with
    8-bit weights) and for torch.export.load (pt2) """
    storage: Storage | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        formats: list[str] | Unset = UNSET
        if not isinstance(self.formats, Unset):
            formats = []
            for formats_item_data in self.formats:
                formats_item: str = formats_item_data
                formats.append(formats_item)

        storage: str | Unset = UNSET
        if not isinstance(self.storage, Unset):
            storage = self.storage

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if formats is not UNSET:
            field_dict["formats"] = formats
        if storage is not UNSET:
            field_dict["storage"] = storage

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        _formats = d.pop("formats", UNSET)
        formats: list[OutputFormat] | Unset = UNSET
        if _formats is not UNSET:
            formats = []
            for formats_item_data in _formats:
                formats_item = check_output_format(formats_item_data)

                formats.append(formats_item)

        _storage = d.pop("storage", UNSET)
        storage: Storage | Unset
        if isinstance(_storage, Unset):
            storage = UNSET
        else:
            storage = check_storage(_storage)

        output = cls(
            formats=formats,
            storage=storage,
        )

        return output

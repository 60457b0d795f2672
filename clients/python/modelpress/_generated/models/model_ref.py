from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ModelRef")


@_attrs_define
class ModelRef:
    """Where the dense model is: a folder of safetensors with its config."""

    uri: str
    """ s3://bucket/prefix, hf://org/name@revision or upload://id """

    def to_dict(self) -> dict[str, Any]:
        uri = self.uri

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "uri": uri,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        uri = d.pop("uri")

        model_ref = cls(
            uri=uri,
        )

        return model_ref

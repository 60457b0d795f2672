from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..models.quantization_dtype import QuantizationDtype, check_quantization_dtype

T = TypeVar("T", bound="QuantizationStep")


@_attrs_define
class QuantizationStep:
    """Store and compute in fewer bits a number."""

    dtype: QuantizationDtype
    technique: Literal["quantization"]

    def to_dict(self) -> dict[str, Any]:
        dtype: str = self.dtype

        technique = self.technique

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "dtype": dtype,
                "technique": technique,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        dtype = check_quantization_dtype(d.pop("dtype"))

        technique = cast(Literal["quantization"], d.pop("technique"))
        if technique != "quantization":
            raise ValueError(f"technique must match const 'quantization', got '{technique}'")

        quantization_step = cls(
            dtype=dtype,
            technique=technique,
        )

        return quantization_step

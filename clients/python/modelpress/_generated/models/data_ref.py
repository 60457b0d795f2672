from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="DataRef")


@_attrs_define
class DataRef:
    """Unlabelled data, for calibration, distillation and fidelity: a folder of text, audio or images."""

    uri: str
    """ s3://bucket/prefix or upload://id """
    samples: int | Unset = 256
    """ How many of them to use """

    def to_dict(self) -> dict[str, Any]:
        uri = self.uri

        samples = self.samples

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "uri": uri,
            }
        )
        if samples is not UNSET:
            field_dict["samples"] = samples

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        uri = d.pop("uri")

        samples = d.pop("samples", UNSET)

        data_ref = cls(
            uri=uri,
            samples=samples,
        )

        return data_ref

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="LabelledRef")


@_attrs_define
class LabelledRef:
    """Data with labels: recordings or images beside a metadata.csv or metadata.jsonl, or a table of texts."""

    uri: str
    """ s3://bucket/prefix or upload://id """
    samples: int | Unset = 2000
    """ How many of them to use, at most """

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

        labelled_ref = cls(
            uri=uri,
            samples=samples,
        )

        return labelled_ref

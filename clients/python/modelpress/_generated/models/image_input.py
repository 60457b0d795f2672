from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="ImageInput")


@_attrs_define
class ImageInput:
    """Square images."""

    kind: Literal["image"]
    timed: bool | Unset = True
    """ Whether to time it too, or only to count operations and memory """
    batch_size: int | Unset = 1
    """ Images in the batch """
    pixels: int | Unset = UNSET
    """ Side of each [pixels]; by default the model's own """

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        timed = self.timed

        batch_size = self.batch_size

        pixels = self.pixels

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
            }
        )
        if timed is not UNSET:
            field_dict["timed"] = timed
        if batch_size is not UNSET:
            field_dict["batch_size"] = batch_size
        if pixels is not UNSET:
            field_dict["pixels"] = pixels

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = cast(Literal["image"], d.pop("kind"))
        if kind != "image":
            raise ValueError(f"kind must match const 'image', got '{kind}'")

        timed = d.pop("timed", UNSET)

        batch_size = d.pop("batch_size", UNSET)

        pixels = d.pop("pixels", UNSET)

        image_input = cls(
            kind=kind,
            timed=timed,
            batch_size=batch_size,
            pixels=pixels,
        )

        return image_input

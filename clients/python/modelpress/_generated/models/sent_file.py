from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.sent_part import SentPart


T = TypeVar("T", bound="SentFile")


@_attrs_define
class SentFile:
    """A file whose parts the store has taken."""

    path: str
    """ Its path, as announced """
    parts: list[SentPart]

    def to_dict(self) -> dict[str, Any]:
        path = self.path

        parts = []
        for parts_item_data in self.parts:
            parts_item = parts_item_data.to_dict()
            parts.append(parts_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "path": path,
                "parts": parts,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.sent_part import SentPart  # noqa: PLC0415

        d = dict(src_dict)
        path = d.pop("path")

        parts = []
        _parts = d.pop("parts")
        for parts_item_data in _parts:
            parts_item = SentPart.from_dict(parts_item_data)

            parts.append(parts_item)

        sent_file = cls(
            path=path,
            parts=parts,
        )

        return sent_file

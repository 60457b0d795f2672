from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="SentPart")


@_attrs_define
class SentPart:
    """A part that the store has taken."""

    number: int
    """ Its number """
    etag: str
    """ What the store answered in its ETag header """

    def to_dict(self) -> dict[str, Any]:
        number = self.number

        etag = self.etag

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "number": number,
                "etag": etag,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        number = d.pop("number")

        etag = d.pop("etag")

        sent_part = cls(
            number=number,
            etag=etag,
        )

        return sent_part

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="UploadFile")


@_attrs_define
class UploadFile:
    """A file that will be sent."""

    path: str
    """ Its path within the folder, as config.json or a/b.txt; kept in Unicode's composed form """
    bytes_: int
    """ Its size [bytes] """

    def to_dict(self) -> dict[str, Any]:
        path = self.path

        bytes_ = self.bytes_

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "path": path,
                "bytes": bytes_,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        path = d.pop("path")

        bytes_ = d.pop("bytes")

        upload_file = cls(
            path=path,
            bytes_=bytes_,
        )

        return upload_file

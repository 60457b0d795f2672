from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.upload_file import UploadFile


T = TypeVar("T", bound="UploadRequest")


@_attrs_define
class UploadRequest:
    """A folder of files to be sent straight to the store."""

    files: list[UploadFile]
    """ Every file, with different paths; together at most 68719476736 bytes """

    def to_dict(self) -> dict[str, Any]:
        files = []
        for files_item_data in self.files:
            files_item = files_item_data.to_dict()
            files.append(files_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "files": files,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.upload_file import UploadFile  # noqa: PLC0415

        d = dict(src_dict)
        files = []
        _files = d.pop("files")
        for files_item_data in _files:
            files_item = UploadFile.from_dict(files_item_data)

            files.append(files_item)

        upload_request = cls(
            files=files,
        )

        return upload_request

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.sent_file import SentFile


T = TypeVar("T", bound="UploadCompletion")


@_attrs_define
class UploadCompletion:
    """What the store answered, part by part: how many files and parts there are was said when the upload began."""

    files: list[SentFile]

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
        from ..models.sent_file import SentFile  # noqa: PLC0415

        d = dict(src_dict)
        files = []
        _files = d.pop("files")
        for files_item_data in _files:
            files_item = SentFile.from_dict(files_item_data)

            files.append(files_item)

        upload_completion = cls(
            files=files,
        )

        return upload_completion

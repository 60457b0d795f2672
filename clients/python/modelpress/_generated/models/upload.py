from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.upload_file_parts import UploadFileParts


T = TypeVar("T", bound="Upload")


@_attrs_define
class Upload:
    """A folder on its way to the store."""

    id: str
    """ upl_ and a ULID """
    uri: str
    """ What to use as model or data URI """
    state: str
    """ Whether it can be used """
    part_bytes: int
    """ Size of every part but a file's last [bytes] """
    files: list[UploadFileParts]
    """ The first of its files, or a page """
    next_offset: int | None
    """ What to ask for the next files with, as offset; null with the last """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        uri = self.uri

        state = self.state

        part_bytes = self.part_bytes

        files = []
        for files_item_data in self.files:
            files_item = files_item_data.to_dict()
            files.append(files_item)

        next_offset: int | None
        next_offset = self.next_offset

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "uri": uri,
                "state": state,
                "part_bytes": part_bytes,
                "files": files,
                "next_offset": next_offset,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.upload_file_parts import UploadFileParts  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        uri = d.pop("uri")

        state = d.pop("state")

        part_bytes = d.pop("part_bytes")

        files = []
        _files = d.pop("files")
        for files_item_data in _files:
            files_item = UploadFileParts.from_dict(files_item_data)

            files.append(files_item)

        def _parse_next_offset(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        next_offset = _parse_next_offset(d.pop("next_offset"))

        upload = cls(
            id=id,
            uri=uri,
            state=state,
            part_bytes=part_bytes,
            files=files,
            next_offset=next_offset,
        )

        upload.additional_properties = d
        return upload

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties

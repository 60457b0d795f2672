from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.manifest_file import ManifestFile
    from ..models.manifest_source import ManifestSource
    from ..models.manifest_versions import ManifestVersions


T = TypeVar("T", bound="Manifest")


@_attrs_define
class Manifest:
    """Every file of the artifact with its hash."""

    schema: str
    """ Version of this document """
    job: str
    """ The job that wrote it """
    attempt: int
    """ The attempt that wrote it """
    source: ManifestSource
    """ The model that went in. """
    request_sha256: str
    """ Hash of the request """
    files: list[ManifestFile]
    versions: ManifestVersions
    """ Releases of the software that wrote it """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema = self.schema

        job = self.job

        attempt = self.attempt

        source = self.source.to_dict()

        request_sha256 = self.request_sha256

        files = []
        for files_item_data in self.files:
            files_item = files_item_data.to_dict()
            files.append(files_item)

        versions = self.versions.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schema": schema,
                "job": job,
                "attempt": attempt,
                "source": source,
                "request_sha256": request_sha256,
                "files": files,
                "versions": versions,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.manifest_file import ManifestFile  # noqa: PLC0415
        from ..models.manifest_source import ManifestSource  # noqa: PLC0415
        from ..models.manifest_versions import ManifestVersions  # noqa: PLC0415

        d = dict(src_dict)
        schema = d.pop("schema")

        job = d.pop("job")

        attempt = d.pop("attempt")

        source = ManifestSource.from_dict(d.pop("source"))

        request_sha256 = d.pop("request_sha256")

        files = []
        _files = d.pop("files")
        for files_item_data in _files:
            files_item = ManifestFile.from_dict(files_item_data)

            files.append(files_item)

        versions = ManifestVersions.from_dict(d.pop("versions"))

        manifest = cls(
            schema=schema,
            job=job,
            attempt=attempt,
            source=source,
            request_sha256=request_sha256,
            files=files,
            versions=versions,
        )

        manifest.additional_properties = d
        return manifest

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

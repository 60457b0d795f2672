"""Where models and data may come from: one table from a reference's scheme to the folder that it names."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol, Self

from jobs.adapters.folders import BucketFolder, Folder, LocalFolder
from jobs.adapters.hub import Hub, HubFolder, Kind
from jobs.adapters.settings import NO_HUB, SourceSettings
from jobs.adapters.transfer import Limits
from jobs.contract.errors import InvalidRequestError, InvalidUriError, ModelNotFoundError
from jobs.contract.uris import Uri
from jobs.state.objects import ObjectStore


class Buckets(ObjectStore, Protocol):
    """The service's own bucket, which knows the way to the others of the same store."""

    bucket: str

    def in_bucket(self, bucket: str) -> ObjectStore:
        """Return another bucket, which need not exist."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What one job may read.

    Attributes:
        store: the service's own bucket. Uploads are read from it, but no ``s3://`` reference: it holds every tenant.
        upload_prefix: upload id to the key prefix of its files; raises unless the upload is complete and the caller's.
        buckets: patterns of the bucket names that ``s3://`` may name.
        tenant_buckets: the same for the job's tenant: a bucket must fit both.
        hub: the model hub.
        file_root: the folder that ``file://`` may name; None switches the scheme off.
        limits: how much one reference may bring.
    """

    store: Buckets
    upload_prefix: Callable[[str], str]
    buckets: tuple[str, ...] = ("*",)
    hub: Hub = field(default_factory=Hub)
    file_root: Path | None = None
    limits: Limits = field(default_factory=Limits)
    tenant_buckets: tuple[str, ...] = ("*",)

    @classmethod
    def from_settings(
        cls,
        settings: SourceSettings,
        store: Buckets,
        upload_prefix: Callable[[str], str],
        tenant_buckets: tuple[str, ...] = ("*",),
    ) -> Self:
        """Return the sources that *settings* allow to a tenant."""
        hub = Hub() if settings.hub_endpoint == NO_HUB else Hub(settings.hub_endpoint, settings.hub_token)
        return cls(
            store,
            upload_prefix,
            settings.source_buckets,
            hub,
            Path(settings.file_root) if settings.file_root else None,
            Limits(settings.source_max_files, settings.source_max_bytes),
            tenant_buckets,
        )

    def open(self, uri: Uri, kind: Kind, missing: type[InvalidRequestError]) -> Folder:
        """Return the folder that *uri* names.

        Args:
            uri: the reference.
            kind: what a hub is asked for.
            missing: the error that says that it is not there.

        Raises:
            InvalidUriError: a scheme or bucket that this service does not use.
            InvalidRequestError: as *missing*, when there is no such bucket, upload or repository.
        """
        if uri.scheme == "hf":
            return HubFolder.at(uri, kind, hub=self.hub, missing=missing)
        return {"s3": self._bucket, "upload": self._upload, "file": self._local}[uri.scheme](uri, missing)

    def _bucket(self, uri: Uri, missing: type[InvalidRequestError]) -> Folder:
        for patterns in (self.buckets, self.tenant_buckets):
            allowed = any(fnmatchcase(uri.authority, pattern) for pattern in patterns)
            if not allowed or uri.authority == self.store.bucket:
                raise InvalidUriError(
                    f"This service does not read from bucket {uri.authority!r}. Use one of the buckets that it may "
                    f"read ({', '.join(patterns)}, its own excepted), or upload the files with POST /v1/uploads."
                )
        return BucketFolder.at(_name(uri), self.store.in_bucket(uri.authority), uri.path, missing)

    def _upload(self, uri: Uri, missing: type[InvalidRequestError]) -> Folder:
        try:
            prefix = self.upload_prefix(uri.authority).strip("/")
        except ModelNotFoundError as error:  # uploads do not know what they are for
            raise missing(error.message) from error
        return BucketFolder.at(_name(uri), self.store, f"{prefix}/{uri.path}".strip("/"), missing)

    def _local(self, uri: Uri, missing: type[InvalidRequestError]) -> Folder:
        if self.file_root is None:
            raise InvalidUriError(
                "This service reads no local files; use s3://, hf:// or upload:// instead of file://."
            )
        return LocalFolder(_name(uri), self.file_root / uri.path, self.file_root, missing)


def _name(uri: Uri) -> str:
    return f"{uri.scheme}://" + "/".join(part for part in (uri.authority, uri.path) if part)

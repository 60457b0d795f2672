"""S3 behind the ``ObjectStore`` Protocol.

Every byte that goes up carries its SHA-256 (the signed payload hash, and ``x-amz-checksum-sha256``), so a store refuses
what was damaged on the way. Stores that do not say the checksum back are read back.
"""

import base64
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from jobs.contract.errors import StorageError
from jobs.state.objects import AccessRefusedError, ObjectInfo, ObjectMissingError, ObjectStore, Stored
from jobs.state.patience import WORKING, Patience
from jobs.state.settings import StateSettings
from jobs.state.storage_errors import storage_errors

__all__ = [
    "AccessRefusedError",
    "ObjectInfo",
    "ObjectMissingError",
    "ObjectStore",
    "S3Store",
    "Stored",
    "s3_client",
    "storage_errors",
]

PART_BYTES = 16 * 2**20
"""Above this size a file goes up in parts of this size."""
CHUNK_BYTES = 2**20
_UNNAMED = "us-east-1"
"""The one region that a request for a bucket must not name."""
_CONFLICTS = 5
"""How often a create-only write that met a concurrent one (409) is tried again."""


def s3_client(settings: StateSettings, patience: Patience = WORKING, *, endpoint: str = "") -> Any:
    """Return a boto3 client for the store, or for another *endpoint* of it; SigV4, path-style, with retries."""
    config = Config(
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": patience.tries},
        connect_timeout=patience.connect_s,
        read_timeout=patience.read_s,
        s3={"addressing_style": "path", "payload_signing_enabled": True},
        # Swift and older stores do not speak the trailing checksums that boto3 adds by default.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client(
        "s3",
        endpoint_url=endpoint or settings.s3_endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=settings.s3_secret_key,
        config=config,
    )


class S3Store:
    """An ``ObjectStore`` in one bucket of any S3.

    Args:
        client: from ``s3_client``.
        bucket: its name.
        public_client: signs URLs for callers, who may reach the store by another host name (which is signed too).
    """

    def __init__(self, client: Any, bucket: str, *, public_client: Any | None = None) -> None:
        self._client = client
        self._public = public_client or client
        self.bucket = bucket

    @classmethod
    def from_settings(cls, settings: StateSettings, patience: Patience = WORKING) -> "S3Store":
        """Return the store of the project's own bucket, asked with *patience*."""
        public = s3_client(settings, endpoint=settings.s3_public_endpoint) if settings.s3_public_endpoint else None
        return cls(s3_client(settings, patience), settings.bucket, public_client=public)

    def in_bucket(self, bucket: str) -> "S3Store":
        """Return the same store's other *bucket*."""
        return S3Store(self._client, bucket, public_client=self._public)

    def get(self, key: str) -> bytes:
        """Return the content of a small object."""
        with storage_errors():
            content: bytes = self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def put(self, key: str, body: bytes) -> None:
        """Write a small object, over whatever was there."""
        with storage_errors():
            self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ChecksumSHA256=_checksum(body))

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Write a small object unless the key exists; return whether it was written.

        Swift looks before it writes, so two writers within one millisecond can both be told yes: those who must be
        alone pass Redis's compare-and-set first.
        """
        for _ in range(_CONFLICTS):
            status = self._create(key, body)
            if status != "ConditionalRequestConflict":
                return status == "created"
            time.sleep(0.1)
        raise StorageError("Several writers create the same object at once; try again.")

    def _create(self, key: str, body: bytes) -> str:
        with storage_errors():
            try:
                self._client.put_object(
                    Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*", ChecksumSHA256=_checksum(body)
                )
            except ClientError as error:
                code: str = error.response.get("Error", {}).get("Code", "")
                if code in {"PreconditionFailed", "412", "ConditionalRequestConflict"}:
                    return code
                raise
        return "created"

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, or None when there is none."""
        try:
            with storage_errors():
                found = self._client.head_object(Bucket=self.bucket, Key=key)
        except ObjectMissingError:
            return None
        return ObjectInfo(key, found["ContentLength"], found["ETag"].strip('"'), found["LastModified"])

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key begins with *prefix*, in the order of keys."""
        for page in self._pages(Prefix=prefix):
            for found in page.get("Contents", ()):
                yield ObjectInfo(found["Key"], found["Size"], found["ETag"].strip('"'), found["LastModified"])

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders directly below *prefix*."""
        for page in self._pages(Prefix=prefix, Delimiter="/"):
            for found in page.get("CommonPrefixes", ()):
                yield found["Prefix"].removeprefix(prefix).rstrip("/")

    def _pages(self, **query: str) -> Iterator[Mapping[str, Any]]:
        with storage_errors():
            yield from self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, **query)

    def delete(self, key: str) -> None:
        """Remove the object if it exists."""
        with storage_errors():
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def upload_file(self, key: str, path: Path) -> Stored:
        """Write a file of any size, in parts above ``PART_BYTES``; return its size and SHA-256."""
        with path.open("rb") as source:
            if path.stat().st_size <= PART_BYTES:
                stored, confirmed = self._upload_whole(key, source.read())
            else:
                stored, confirmed = self._upload_parts(key, source)
        if not confirmed:
            self._read_back(key, stored)
        return stored

    def _upload_whole(self, key: str, body: bytes) -> tuple[Stored, bool]:
        checksum = _checksum(body)
        with storage_errors():
            answer = self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ChecksumSHA256=checksum)
        return Stored(len(body), hashlib.sha256(body).hexdigest()), answer.get("ChecksumSHA256") == checksum

    def _upload_parts(self, key: str, source: BinaryIO) -> tuple[Stored, bool]:
        upload_id, whole, size, parts, confirmed = self.create_multipart(key), hashlib.sha256(), 0, [], True
        try:
            for number, body in enumerate(iter(lambda: source.read(PART_BYTES), b""), start=1):
                etag, said_back = self._upload_part(key, upload_id, number, body)
                parts.append((number, etag))
                confirmed &= said_back
                whole.update(body)
                size += len(body)
            self.complete_multipart(key, upload_id, parts)
        except BaseException:
            with suppress(StorageError, ObjectMissingError):  # what went wrong first is what to tell
                self.abort_multipart(key, upload_id)
            raise
        return Stored(size, whole.hexdigest()), confirmed

    def _upload_part(self, key: str, upload_id: str, number: int, body: bytes) -> tuple[str, bool]:
        checksum = _checksum(body)
        with storage_errors():
            answer = self._client.upload_part(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=body,
                ChecksumSHA256=checksum,
            )
        return answer["ETag"], answer.get("ChecksumSHA256") == checksum

    def _read_back(self, key: str, expected: Stored) -> None:
        found = self._stream(key, None)
        if found != expected:
            raise StorageError(
                f"The store holds other bytes than were sent ({found} instead of {expected}); try again."
            )

    def download_file(self, key: str, path: Path) -> Stored:
        """Stream the object to *path*; return its size and SHA-256."""
        with path.open("wb") as target:
            return self._stream(key, target)

    def _stream(self, key: str, target: BinaryIO | None) -> Stored:
        digest, size = hashlib.sha256(), 0
        with storage_errors():
            answer = self._client.get_object(Bucket=self.bucket, Key=key)
            for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                if target is not None:
                    target.write(chunk)
        if size != answer["ContentLength"]:
            raise StorageError(f"The store promised {answer['ContentLength']} bytes and sent {size}; try again.")
        return Stored(size, digest.hexdigest())

    def presign_get(self, key: str, expires_s: int, filename: str) -> str:
        """Return a URL that downloads the object as *filename* for *expires_s* seconds."""
        disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        query = {"Bucket": self.bucket, "Key": key, "ResponseContentDisposition": disposition}
        return self._presigned("get_object", query, expires_s)

    def presign_put(self, key: str, expires_s: int) -> str:
        """Return a URL to which the whole object is PUT for *expires_s* seconds."""
        return self._presigned("put_object", {"Bucket": self.bucket, "Key": key}, expires_s)

    def create_multipart(self, key: str) -> str:
        """Begin an upload in parts; return its id."""
        with storage_errors():
            upload_id: str = self._client.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
        return upload_id

    def presign_part(self, key: str, upload_id: str, number: int, expires_s: int) -> str:
        """Return a URL to which part *number* (from 1) is PUT."""
        query = {"Bucket": self.bucket, "Key": key, "UploadId": upload_id, "PartNumber": number}
        return self._presigned("upload_part", query, expires_s)

    def _presigned(self, operation: str, query: Mapping[str, Any], expires_s: int) -> str:
        with storage_errors():
            url: str = self._public.generate_presigned_url(operation, Params=query, ExpiresIn=expires_s)
        return url

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Join the (number, etag) *parts* into the object."""
        listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
        with storage_errors():
            self._client.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed}
            )

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Forget the upload and its parts."""
        with storage_errors():
            self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)

    def check(self) -> None:
        """Return when the bucket can be reached."""
        with storage_errors():
            self._client.head_bucket(Bucket=self.bucket)

    def ensure_bucket(self) -> None:
        """Create the bucket, in the region that requests are signed for, unless it exists."""
        try:
            self.check()
        except ObjectMissingError:
            region = self._client.meta.region_name
            where: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != _UNNAMED else {}
            with storage_errors():
                self._client.create_bucket(Bucket=self.bucket, **where)


def _checksum(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()

"""Uploads: folders that callers send straight to the store by presigned URLs.

A file of one part is PUT as it is, which costs the service nothing but a signature; its URL is good until it expires,
also after the upload is complete. A larger file is a multipart upload of the store.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from unicodedata import normalize

from jobs.contract.errors import InvalidRequestError, ModelNotFoundError, UploadConflictError
from jobs.contract.spec import Json, canonical_json
from jobs.state.documents import making_sense_of, read_document
from jobs.state.objects import ObjectInfo, ObjectMissingError, ObjectStore
from jobs.state.records import format_time, new_id, utc_now
from jobs.state.versions import readable, schema_of

PART_BYTES = 16 * 2**20
UPLOAD_BYTES_MAX = 64 * 2**30
PARTS_MAX = 1024
"""Of the largest file: each costs a signature. From 16 GiB on, parts are larger instead of more."""
FILES_MAX = 10_000
EMPTY_MAX = 100
"""Empty files, which the service writes itself."""
LARGE_MAX = 256
"""Files of several parts, each of which the service has to begin."""
PAGE_MAX = 1000
"""Files that one answer shows."""
PATH_MAX = 512
PATH_MAX_BYTES = 900
"""As UTF-8: S3 stores take keys of 1024 bytes, and ours begin with tenant and upload."""
NAME_MAX = 255
"""Characters, and bytes as UTF-8, of each part of a path: file systems hold no more."""
_FIELDS = {"id", "state", "created_at", "part_bytes", "files"}
_ID = re.compile(r"upl_[0-9A-HJKMNP-TV-Z]{26}")
_PATH = re.compile(r"[^\x00-\x1f\x7f-\x9f\\]+")


class Uploads:
    """Begins, shows and completes uploads; each belongs to one tenant.

    Args:
        store: where the files go.
        presign_s: how long a part's URL is good for [s].
    """

    def __init__(self, store: ObjectStore, *, presign_s: int = 900) -> None:
        self._store = store
        self._presign_s = presign_s

    def create(self, tenant: str, files: Sequence[Mapping[str, Any]], upload_id: str | None = None) -> Json:
        """Return a new upload of *files* ``{path, bytes}``, as ``show`` does; *upload_id* is what it shall be called.

        Raises:
            InvalidRequestError: no file, too many, or a path that no folder can hold.
            UploadConflictError: names that are too long as bytes, or files that no folder can hold together or that
                are too large together.
        """
        files = [{**each, "path": _composed(each["path"])} for each in files]
        _check(files)
        upload_id, part_bytes = upload_id or new_id("upl"), _part_bytes(sum(each["bytes"] for each in files))
        record = {
            "schema": schema_of("upload"),
            "id": upload_id,
            "state": "open",
            "created_at": format_time(utc_now()),
            "part_bytes": part_bytes,
            "files": [self._begun(tenant, upload_id, each, part_bytes) for each in files],
        }
        self._write(tenant, record)
        return self._shown(tenant, record)

    def show(self, tenant: str, upload_id: str, *, offset: int = 0, limit: int = PAGE_MAX) -> Json | None:
        """Return the tenant's upload, with fresh URLs while it is open; None when there is none.

        Of its files, in the order in which they were announced, up to *limit* from number *offset* on are shown;
        ``next_offset`` is the number of the file that follows them, None after the last.
        """
        record = self._read(tenant, upload_id)
        return None if record is None else self._shown(tenant, record, offset, limit)

    def complete(self, tenant: str, upload_id: str, files: Sequence[Mapping[str, Any]]) -> Json | None:
        """Return the upload after its files ``{path, parts: [{number, etag}]}`` were joined; None when there is none.

        Raises:
            UploadConflictError: a file or part is missing, or a file has another size than announced.
        """
        record = self._read(tenant, upload_id)
        if record is None or record["state"] == "complete":
            return None if record is None else self._shown(tenant, record)
        sent = {_composed(each["path"]): each["parts"] for each in files}
        _check_same({each["path"] for each in record["files"]}, [_composed(each["path"]) for each in files])
        base = _file_key(tenant, upload_id, "")
        there = {found.key.removeprefix(base): found for found in self._store.list(base)}
        for each in record["files"]:
            etags = _etags(each, sent[each["path"]], record["part_bytes"])
            self._finish(base + each["path"], each, etags, there.get(each["path"]))
        record["state"] = "complete"
        self._write(tenant, record)
        return self._shown(tenant, record)

    def abort(self, tenant: str, upload_id: str) -> int:
        """Have the store forget the parts of the tenant's open upload; return of how many files. Its objects stay.

        Parts lie outside every listing of objects and cost as much as these: whoever removes an upload that nobody
        completes calls this first, while the record still says which there are.
        """
        record, aborted = self._read(tenant, upload_id), 0
        files = record["files"] if record and record["state"] == "open" else ()
        for each in (file for file in files if file["upload_id"]):
            try:
                self._store.abort_multipart(_file_key(tenant, upload_id, each["path"]), each["upload_id"])
            except ObjectMissingError:
                continue  # joined or aborted before
            aborted += 1
        return aborted

    def prefix(self, tenant: str, upload_id: str) -> str:
        """Return where the files of a complete upload are, with the closing slash.

        Raises:
            ModelNotFoundError: the tenant has no such upload, or it is not complete.
        """
        record = self._read(tenant, upload_id)
        if record is None:
            raise ModelNotFoundError(f"There is no upload {upload_id}; POST /v1/uploads begins one.")
        if record["state"] != "complete":
            raise ModelNotFoundError(
                f"Upload {upload_id} is not complete; POST /v1/uploads/{upload_id}/complete first."
            )
        return _file_key(tenant, upload_id, "")

    def _begun(self, tenant: str, upload_id: str, file: Mapping[str, Any], part_bytes: int) -> Json:
        key, size = _file_key(tenant, upload_id, file["path"]), file["bytes"]
        if size == 0:
            self._store.put(key, b"")
        multipart = self._store.create_multipart(key) if size > part_bytes else None
        return {"path": file["path"], "bytes": size, "upload_id": multipart}

    def _finish(self, key: str, file: Json, etags: Sequence[str], there: ObjectInfo | None) -> None:
        """Check that *file* is in the store as announced; join its parts unless an earlier request did."""
        if there is not None and there.bytes == file["bytes"] and (file["upload_id"] or etags in ([], [there.etag])):
            return
        if file["upload_id"]:
            self._join(key, file, etags)
        found = self._store.head(key)  # a listing may be older than what it lists
        if found is None or (not file["upload_id"] and etags not in ([], [found.etag])):
            raise _not_sent(file["path"])
        if found.bytes != file["bytes"]:
            raise UploadConflictError(
                f"{file['path']}: announced {file['bytes']} bytes, got {found.bytes}; begin a new upload."
            )

    def _join(self, key: str, file: Json, etags: Sequence[str]) -> None:
        try:
            self._store.complete_multipart(key, file["upload_id"], list(enumerate(etags, start=1)))
        except ObjectMissingError as error:
            if self._store.head(key) is None:  # else another request has just joined it
                raise _not_sent(file["path"]) from error

    def _shown(self, tenant: str, record: Json, offset: int = 0, limit: int = PAGE_MAX) -> Json:
        files, end = record["files"], offset + min(limit, PAGE_MAX)
        return {
            "id": record["id"],
            "uri": f"upload://{record['id']}",
            "state": record["state"],
            "part_bytes": record["part_bytes"],
            "files": [self._file_shown(tenant, record, each) for each in files[offset:end]],
            "next_offset": end if end < len(files) else None,
        }

    def _file_shown(self, tenant: str, record: Json, file: Json) -> Json:
        count = _part_count(file["bytes"], record["part_bytes"]) if record["state"] == "open" else 0
        key = _file_key(tenant, record["id"], file["path"])
        parts = [{"number": number, "url": self._url(key, file, number)} for number in range(1, count + 1)]
        return {"path": file["path"], "bytes": file["bytes"], "parts": parts}

    def _url(self, key: str, file: Json, number: int) -> str:
        if file["upload_id"]:
            return self._store.presign_part(key, file["upload_id"], number, self._presign_s)
        return self._store.presign_put(key, self._presign_s)

    def _read(self, tenant: str, upload_id: str) -> Json | None:
        if not _ID.fullmatch(upload_id):
            return None
        key = _prefix(tenant, upload_id) + "upload.json"
        record = read_document(self._store, key)
        if record is None:
            return None
        with making_sense_of(key):
            if missing := _FIELDS - readable(record, "upload").keys():
                raise KeyError(*missing)
        return record

    def _write(self, tenant: str, record: Json) -> None:
        self._store.put(_prefix(tenant, record["id"]) + "upload.json", canonical_json(record))


def _prefix(tenant: str, upload_id: str) -> str:
    return f"tenants/{tenant}/uploads/{upload_id}/"


def _file_key(tenant: str, upload_id: str, path: str) -> str:
    return f"{_prefix(tenant, upload_id)}files/{path}"


def _part_bytes(total: int) -> int:
    """Return the smallest part size [bytes], in whole MiB, with which the largest file has at most ``PARTS_MAX``."""
    return max(PART_BYTES, math.ceil(total / PARTS_MAX / 2**20) * 2**20)


def _part_count(size: int, part_bytes: int) -> int:
    return math.ceil(size / part_bytes)


def _etags(file: Json, parts: Sequence[Mapping[str, Any]], part_bytes: int) -> list[str]:
    """Return the etags of the file's parts in their order."""
    ordered, count = sorted(parts, key=lambda part: int(part["number"])), _part_count(file["bytes"], part_bytes)
    if [part["number"] for part in ordered] != list(range(1, count + 1)):
        numbers = f"1 to {count}, each once" if count else "none"
        raise UploadConflictError(f"{file['path']}: expected parts {numbers}; got {len(parts)} of them.")
    return [part["etag"].strip('"') for part in ordered]


def _not_sent(path: str) -> UploadConflictError:
    return UploadConflictError(f"{path}: a part was not sent, or its etag is another; send it again.")


def _check(files: Sequence[Mapping[str, Any]]) -> None:
    if not 1 <= len(files) <= FILES_MAX:
        raise InvalidRequestError(f"Expected 1 to {FILES_MAX} files; got {len(files)}.")
    paths = [each["path"] for each in files]
    for path in paths:
        _check_path(path)
    _check_together(paths)
    _check_sizes([each["bytes"] for each in files])


def _check_together(paths: Sequence[str]) -> None:
    path, times = Counter(paths).most_common(1)[0]
    if times > 1:
        raise UploadConflictError(f"Expected files with different paths; {path[:80]!r} comes {times} times.")
    folders = {str(parent) for each in paths for parent in PurePosixPath(each).parents}
    if both := folders.intersection(paths):
        raise UploadConflictError(f"Expected a file or a folder; {min(both)[:80]!r} would be both.")


def _check_sizes(sizes: Sequence[int]) -> None:
    for count, most, what in (
        (sum(sizes), UPLOAD_BYTES_MAX, "bytes together"),
        (sizes.count(0), EMPTY_MAX, "empty files"),
        (sum(size > PART_BYTES for size in sizes), LARGE_MAX, f"files of more than {PART_BYTES} bytes"),
    ):
        if count > most:
            raise UploadConflictError(f"Expected at most {most} {what} in one upload; got {count}.")


def _check_path(path: str) -> None:
    if not _PATH.fullmatch(path) or len(path) > PATH_MAX or {"", ".", ".."} & set(path.split("/")):
        raise InvalidRequestError(
            f"Expected a relative path like config.json or data/a.wav, without '..'; got {path[:80]!r}."
        )
    if len(path.encode()) > PATH_MAX_BYTES or max(len(name.encode()) for name in path.split("/")) > NAME_MAX:
        raise UploadConflictError(
            f"Expected a path of at most {PATH_MAX_BYTES} bytes as UTF-8, each name in it of at most {NAME_MAX}, which "
            f"is what stores and file systems hold; got {path[:80]!r} of {len(path.encode())} bytes."
        )


def _check_same(announced: set[str], sent: Sequence[str]) -> None:
    odd = announced.symmetric_difference(sent) | {path for path, times in Counter(sent).items() if times > 1}
    if odd:
        raise UploadConflictError(
            "Expected the parts of exactly the files that were announced, each once; "
            f"differing: {', '.join(sorted(odd)[:5])}."
        )


def _composed(path: str) -> str:
    """Return *path* in Unicode's composed form (NFC), so that it names the same file on every system."""
    return normalize("NFC", path)

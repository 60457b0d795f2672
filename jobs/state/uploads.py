"""Uploads: folders that callers send straight to the store, in presigned parts."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.contract.errors import InvalidRequestError, ModelNotFoundError
from jobs.contract.spec import Json, canonical_json
from jobs.state.objects import ObjectMissingError, ObjectStore
from jobs.state.records import format_time, new_id, utc_now

PART_BYTES = 16 * 2**20
PARTS_MAX = 10_000
"""Most parts that an S3 store joins."""
FILES_MAX = 1000
FILE_BYTES_MAX = 5 * 2**40
_ID = re.compile(r"upl_[0-9A-HJKMNP-TV-Z]{26}")
_PATH = re.compile(r"[^\x00-\x1f\x7f\\]{1,512}")


class Uploads:
    """Begins, shows and completes uploads; each belongs to one tenant.

    Args:
        store: where the files go.
        presign_s: how long a part's URL is good for [s].
    """

    def __init__(self, store: ObjectStore, *, presign_s: int = 900) -> None:
        self._store = store
        self._presign_s = presign_s

    def create(self, tenant: str, files: Sequence[Mapping[str, Any]]) -> Json:
        """Return a new upload of *files* ``{path, bytes}``, with a URL for each part.

        Raises:
            InvalidRequestError: a path that no folder can hold, two of the same, or too many or too large files.
        """
        _check(files)
        upload_id = new_id("upl")
        part_bytes = max([PART_BYTES, *(math.ceil(each["bytes"] / PARTS_MAX) for each in files)])
        record = {
            "id": upload_id,
            "state": "open",
            "created_at": format_time(utc_now()),
            "part_bytes": part_bytes,
            "files": [self._begun(tenant, upload_id, each) for each in files],
        }
        self._write(tenant, record)
        return self._shown(tenant, record)

    def show(self, tenant: str, upload_id: str) -> Json | None:
        """Return the tenant's upload, with fresh URLs while it is open; None when there is none."""
        record = self._read(tenant, upload_id)
        return None if record is None else self._shown(tenant, record)

    def complete(self, tenant: str, upload_id: str, files: Sequence[Mapping[str, Any]]) -> Json | None:
        """Return the upload after its files ``{path, parts: [{number, etag}]}`` were joined; None when there is none.

        Raises:
            InvalidRequestError: a file or part is missing, or a file has another size than announced.
        """
        record = self._read(tenant, upload_id)
        if record is None or record["state"] == "complete":
            return None if record is None else self._shown(tenant, record)
        sent = {each["path"]: each["parts"] for each in files}
        _check_same({each["path"] for each in record["files"]}, set(sent))
        for each in record["files"]:
            self._join(tenant, upload_id, each, sent[each["path"]])
        record["state"] = "complete"
        self._write(tenant, record)
        return self._shown(tenant, record)

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
        return _prefix(tenant, upload_id) + "files/"

    def _begun(self, tenant: str, upload_id: str, file: Mapping[str, Any]) -> Json:
        key = _file_key(tenant, upload_id, file["path"])
        if file["bytes"] == 0:
            self._store.put(key, b"")
            return {"path": file["path"], "bytes": 0, "upload_id": None}
        return {"path": file["path"], "bytes": file["bytes"], "upload_id": self._store.create_multipart(key)}

    def _join(self, tenant: str, upload_id: str, file: Json, parts: Sequence[Mapping[str, Any]]) -> None:
        key, path = _file_key(tenant, upload_id, file["path"]), file["path"]
        found = self._store.head(key)
        if found is not None and found.bytes == file["bytes"]:
            return  # joined by an earlier request whose answer was lost
        joined = sorted((part["number"], part["etag"]) for part in parts)
        try:
            self._store.complete_multipart(key, file["upload_id"], joined)
        except ObjectMissingError as error:
            raise InvalidRequestError(f"{path}: a part was not sent, or its etag is another; send it again.") from error
        found = self._store.head(key)
        if found is None or found.bytes != file["bytes"]:
            size = found.bytes if found else 0
            raise InvalidRequestError(f"{path}: announced {file['bytes']} bytes, got {size}; begin a new upload.")

    def _shown(self, tenant: str, record: Json) -> Json:
        return {
            "id": record["id"],
            "uri": f"upload://{record['id']}",
            "state": record["state"],
            "part_bytes": record["part_bytes"],
            "files": [self._file_shown(tenant, record, each) for each in record["files"]],
        }

    def _file_shown(self, tenant: str, record: Json, file: Json) -> Json:
        key = _file_key(tenant, record["id"], file["path"])
        count = math.ceil(file["bytes"] / record["part_bytes"]) if record["state"] == "open" else 0
        urls = (self._store.presign_part(key, file["upload_id"], n, self._presign_s) for n in range(1, count + 1))
        parts = [{"number": number, "url": url} for number, url in enumerate(urls, start=1)]
        return {"path": file["path"], "bytes": file["bytes"], "parts": parts}

    def _read(self, tenant: str, upload_id: str) -> Json | None:
        if not _ID.fullmatch(upload_id):
            return None
        try:
            record: Json = json.loads(self._store.get(_prefix(tenant, upload_id) + "upload.json"))
        except ObjectMissingError:
            return None
        return record

    def _write(self, tenant: str, record: Json) -> None:
        self._store.put(_prefix(tenant, record["id"]) + "upload.json", canonical_json(record))


def _prefix(tenant: str, upload_id: str) -> str:
    return f"tenants/{tenant}/uploads/{upload_id}/"


def _file_key(tenant: str, upload_id: str, path: str) -> str:
    return f"{_prefix(tenant, upload_id)}files/{path}"


def _check(files: Sequence[Mapping[str, Any]]) -> None:
    paths = [each["path"] for each in files]
    if not 1 <= len(files) <= FILES_MAX or len(set(paths)) != len(paths):
        raise InvalidRequestError(f"Expected 1 to {FILES_MAX} files with different paths; got {len(files)}.")
    for each in files:
        parts = each["path"].split("/")
        if not _PATH.fullmatch(each["path"]) or any(part in {"", ".", ".."} for part in parts):
            raise InvalidRequestError(
                f"Expected a relative path like config.json or data/a.wav, without '..'; got {each['path'][:80]!r}."
            )
        if not 0 <= each["bytes"] <= FILE_BYTES_MAX:
            raise InvalidRequestError(f"{each['path']}: expected 0 to {FILE_BYTES_MAX} bytes; got {each['bytes']}.")


def _check_same(announced: set[str], sent: set[str]) -> None:
    if announced != sent:
        odd = ", ".join(sorted(announced ^ sent)[:5])
        raise InvalidRequestError(f"Expected the parts of exactly the files that were announced; differing: {odd}.")

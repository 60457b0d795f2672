"""Publishing what an attempt made: files first, each with its hash, then the report, the manifest last.

Nobody reads them before the job's outcome points there.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jobs.contract.report import MANIFEST_SCHEMA
from jobs.contract.spec import Json, canonical_json, request_sha256
from jobs.state.archive import attempt_prefix
from jobs.state.objects import ObjectStore
from jobs.state.records import Lease


def publish(
    store: ObjectStore,
    lease: Lease,
    folder: Path,
    *,
    report: Json,
    source: Mapping[str, Any],
    versions: Mapping[str, str],
    before_each: Callable[[int, int], None],
) -> Json:
    """Upload everything in *folder* and return the manifest.

    Args:
        store: the bucket.
        lease: of the attempt that made it.
        folder: what becomes ``files/``.
        report: the report.
        source: uri, revision and sha256 of the model that came in.
        versions: of the programs that made it.
        before_each: hears (done, total) before each file; raises to stop.
    """
    prefix = attempt_prefix(lease)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = []
    for done, path in enumerate(paths):
        before_each(done, len(paths))
        name = path.relative_to(folder).as_posix()
        stored = store.upload_file(f"{prefix}files/{name}", path)
        files.append({"path": name, "bytes": stored.bytes, "sha256": stored.sha256})
    before_each(len(paths), len(paths))
    manifest = {
        "schema": MANIFEST_SCHEMA,
        "job": lease.job.id,
        "attempt": lease.attempt,
        "source": dict(source),
        "request_sha256": request_sha256(lease.job.request),
        "files": files,
        "versions": dict(versions),
    }
    store.put(f"{prefix}report.json", canonical_json(report))
    store.put(f"{prefix}manifest.json", canonical_json(manifest))
    return manifest

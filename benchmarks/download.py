"""Download an artifact of 2 GB from the embedded store with the client and with boto3, in turns.

    python benchmarks/download.py [--megabytes N] [--rounds N]

Each download runs in a fresh process, which tells its seconds on the wall, those of the processor, and the peak of its
memory, as the kernel counts it. The client also computes the SHA-256 of what comes, which boto3 does not.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import boto3
from modelpress import Manifest, Retry
from modelpress._sync.downloads import Download
from modelpress._sync.transport import Transport
from modelpress.progress import Meter
from modelpress.settings import Settings

from deploy.embedded.stack import Stack

RESULTS = Path(__file__).parent / "results" / "download.json"
KEY, NAME, PART = "benchmark/model.safetensors", "model.safetensors", 64 << 20


def main() -> None:
    """Measure, print and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        print(json.dumps(one(json.loads(wanted.one))))
        return
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "stack")
        try:
            stack.start_stores(owner=os.getpid())
            found = measure(stack.settings, wanted.megabytes * 10**6, wanted.rounds, Path(folder))
        finally:
            stack.stop()
    found["versions"] = {name: version(name) for name in ("boto3", "httpx")}
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in found.items() if name != "rounds"}, indent=2))


def measure(settings: dict[str, str], size: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Return what *rounds* of both gave, and the speed of the client over that of boto3."""
    task = {"settings": settings, "size": size, "sha256": put(s3(settings), settings["MODELPRESS_BUCKET"], size)}
    runs = []
    for number in range(rounds):
        order = ("client", "boto3") if number % 2 == 0 else ("boto3", "client")
        runs.append({tool: _apart(task | {"tool": tool}, folder) for tool in order})
    ratios = [each["boto3"]["wall_s"] / each["client"]["wall_s"] for each in runs]
    peaks = {tool: max(each[tool]["peak_mb"] for each in runs) for tool in ("client", "boto3")}
    return {"bytes": size, "speed_over_boto3": ratios, "median": median(ratios), "peak_mb": peaks, "rounds": runs}


def put(store: Any, bucket: str, size: int) -> str:
    """Store *size* bytes of noise in parts; return their SHA-256."""
    digest, parts, noise = hashlib.sha256(), [], os.urandom(PART)
    upload = store.create_multipart_upload(Bucket=bucket, Key=KEY)["UploadId"]
    where = {"Bucket": bucket, "Key": KEY, "UploadId": upload}
    for number, start in enumerate(range(0, size, PART), start=1):
        body = noise[: size - start]
        digest.update(body)
        tag = store.upload_part(**where, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    store.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    return digest.hexdigest()


def one(task: dict[str, Any]) -> dict[str, float]:
    """Download once with the tool of the *task*; return what it took, and the memory before and at the peak."""
    settings, target = task["settings"], Path(task["folder"])
    store = s3(settings)
    where = {"Bucket": settings["MODELPRESS_BUCKET"], "Key": KEY}
    before, begun, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    if task["tool"] == "boto3":
        store.download_file(*where.values(), str(target / NAME))
    else:
        manifest = Manifest({"files": [{"path": NAME, "bytes": task["size"], "sha256": task["sha256"]}]})
        url = store.generate_presigned_url("get_object", Params=where)
        transport = Transport(Settings("http://unused", "unused"), 60.0, Retry())
        Download(transport, manifest, lambda _: url, Meter(task["size"])).into(target)
    spent = {"wall_s": time.perf_counter() - begun, "cpu_s": time.process_time() - cpu}
    return spent | {"peak_mb": _peak_mb(), "before_mb": before}


def s3(settings: dict[str, str]) -> Any:
    """Return a client of the store."""
    return boto3.client(
        "s3",
        endpoint_url=settings["MODELPRESS_S3_ENDPOINT"],
        region_name=settings["MODELPRESS_S3_REGION"],
        aws_access_key_id=settings["MODELPRESS_S3_ACCESS_KEY"],
        aws_secret_access_key=settings["MODELPRESS_S3_SECRET_KEY"],
    )


def _apart(task: dict[str, Any], folder: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=folder) as target:
        command = [sys.executable, __file__, "--one", json.dumps(task | {"folder": target})]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(run.stdout)
    return found


def _peak_mb() -> float:
    """Return the peak of this program's own memory: getrusage would count that of whoever started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


if __name__ == "__main__":
    main()

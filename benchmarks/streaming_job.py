"""Compress a model of 8 GB as a job of the service, and measure how much memory the worker's process takes for it.

    python -m benchmarks.streaming_job [--layers N] [--step JSON ...]

A Llama-like encoder of random weights is put into the bucket of an embedded stack below a temporary folder. From there
on everything is as for any caller: the worker fetches it, compresses it layer by layer, verifies and counts it, and
publishes the result. The process that runs the job is looked at again and again; the kernel keeps its peak. The bound
is that of ``streaming_memory``: 1.5 times the largest layer, plus 500 MB.

Disk: four times the model.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from modelpress import Job, ModelPress

from benchmarks.streaming_memory import LAYERS, SLACK, TIMES, layer_bytes, status, write_model
from deploy.embedded.stack import MODELS_BUCKET, Stack

RESULTS = Path(__file__).parent / "results" / "streaming_job.json"
STEPS = (
    {"technique": "head_pruning", "heads_removed": 0.25},
    {"technique": "ffn_pruning", "units_removed": 0.25},
)
FIGURES = ("dense", "compressed", "fidelity", "door", "warnings", "environment", "seconds")
"""What of the report is kept."""

LOOK_EVERY_S = 0.2
ASK_EVERY_S = 5.0
RUN_TIMEOUT_S = 20_000


def put_model(stack: Stack, layers: int) -> int:
    """Put a model into the stack's bucket for models and return how many bytes its weights are."""
    store, size = stack.store(MODELS_BUCKET), 0
    with tempfile.TemporaryDirectory(dir=stack.folder) as folder:
        write_model(Path(folder), layers)
        for file in sorted(Path(folder).iterdir()):
            size += file.stat().st_size if file.suffix == ".safetensors" else 0
            store.upload_file(f"large/{file.name}", file)
            file.unlink()
    return size


def watched(job: Job, worker: int) -> dict[str, int]:
    """Return the greatest peak that a process of the worker has had in each stage of the job, in bytes."""
    peaks: dict[str, int] = {}
    asked = 0.0
    while True:
        if time.monotonic() - asked > ASK_EVERY_S:
            job.refresh()
            asked = time.monotonic()
        stage = job.progress.stage if job.progress else "start"
        for process in children(worker):
            peaks[stage] = max(peaks.get(stage, 0), peak(process))
        if job.terminal:
            return peaks
        time.sleep(LOOK_EVERY_S)


def children(process: int) -> Iterator[int]:
    """Yield the children of a process."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if int(entry.read_text().rpartition(")")[2].split()[1]) == process:
                yield int(entry.parent.name)


def peak(process: int) -> int:
    """Return how much memory a process has had at most; 0 for one that has ended."""
    try:
        return status("VmHWM", process)
    except (FileNotFoundError, ProcessLookupError, StopIteration):
        return 0


def measure(steps: Any, layers: int) -> dict[str, Any]:
    """Return the peak memory of one job, and what its report says."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        size, bound = put_model(stack, layers), TIMES * layer_bytes() + SLACK
        worker = next(each.pid for each in stack.processes.records() if each.program.name == "worker")
        with ModelPress(stack.url, stack.api_key) as press:
            limits = {"run_timeout_s": RUN_TIMEOUT_S}
            job = press.compress(model=f"s3://{MODELS_BUCKET}/large", steps=steps, limits=limits)
            peaks = watched(job, worker)
            report = {name: part for name, part in job.report().to_json().items() if name in FIGURES}
    return {
        "model_bytes": size,
        "largest_layer_bytes": layer_bytes(),
        "bound_bytes": bound,
        "peak": max(peaks.values()),
        "peak_by_stage": peaks,
        "kept": max(peaks.values()) <= bound,
        "report": report,
    }


def main() -> None:
    """Run the job and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--step", type=json.loads, action="append", metavar="JSON")
    asked = parser.parse_args()
    result = measure(asked.step or STEPS, asked.layers)
    print(json.dumps(result, indent=2))
    if asked.layers == LAYERS and asked.step is None:
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

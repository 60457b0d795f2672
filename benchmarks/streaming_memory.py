"""Compress a model of 8 GB from disk to disk and measure how much memory that takes.

    python benchmarks/streaming_memory.py [--layers N] [--only NAME ...]

A Llama-like encoder of random weights is written shard by shard into a temporary folder. Each request runs in a fresh
process, which reports the peak of its resident memory, as the kernel counts it, beside what importing took. The bound:
1.5 times the largest layer, plus 500 MB for the interpreter and its libraries.

All layers are alike: one request goes through all of them, the others stop after a few.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaModel, PreTrainedModel

from jobs.batches import Batch
from jobs.checkpoint.shards import ShardWriter
from jobs.compression.anatomy import Anatomy
from jobs.compression.streaming import stream
from jobs.contract.errors import CancelledError
from jobs.contract.spec import InputSpec, Step
from jobs.inputs import synthetic_batch

RESULTS = Path(__file__).parent / "results" / "streaming_memory.json"
WIDTH, UNITS, HEADS, LAYERS, VOCABULARY = 2048, 5504, 16, 38, 32_000
SLACK = 500_000_000
TIMES = 1.5
EVERY_S = 0.005


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and after how many layers it stops; None for all."""

    steps: tuple[Step, ...]
    layers: int | None = None


CASES = {
    "heads and units": Case(
        (Step("head_pruning", {"heads_removed": 0.25}), Step("ffn_pruning", {"units_removed": 0.25}))
    ),
    "half the weights": Case((Step("weight_pruning", {"sparsity": 0.5, "scope": "layer"}),), layers=2),
    "two of four": Case((Step("weight_pruning", {"pattern": "2:4"}),), layers=2),
    "blocks": Case(
        (Step("weight_pruning", {"pattern": "block", "block_size": 16, "scope": "layer", "sparsity": 0.5}),), layers=2
    ),
    "singular vectors": Case((Step("low_rank", {"rank_ratio": 0.5}),), layers=2),
}


def write_model(folder: Path, layers: int) -> None:
    """Write a model of random weights, one layer at a time."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=UNITS,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        architectures=["LlamaModel"],
    )
    config.save_pretrained(folder)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in LlamaModel(config).state_dict().items()}
    shards, generator = ShardWriter(folder), torch.Generator().manual_seed(0)
    parts = [[name for name in shapes if name.startswith(f"layers.{index}.")] for index in range(layers)]
    parts.append([name for name in shapes if not name.startswith("layers.")])
    for names in parts:
        part = {name: torch.empty(shapes[name]).uniform_(-0.03, 0.03, generator=generator) for name in names}
        shards.add(part, dict.fromkeys(part, torch.float32))
    shards.close({name: name for name in shapes})


def measure(name: str, source: Path) -> dict[str, float]:
    """Return what the request took in this process, in bytes and seconds."""
    case, began, imported = CASES[name], time.perf_counter(), status("VmHWM")
    anonymous = [status("RssAnon")]
    over = threading.Event()
    watcher = threading.Thread(target=watch, args=(anonymous, over))
    watcher.start()

    def stop(done: int, _: int, note: str = "") -> None:
        if case.layers == done:
            raise CancelledError(note)

    with tempfile.TemporaryDirectory(dir=source.parent) as out, suppress(CancelledError):
        stream(case.steps, source, Path(out), make_probe=short_batch, progress=stop)
    over.set()
    watcher.join()
    return {
        "peak": status("VmHWM"),
        "peak_anonymous": max(anonymous),
        "imported": imported,
        "imported_anonymous": anonymous[0],
        "seconds": time.perf_counter() - began,
    }


def watch(seen: list[int], over: threading.Event) -> None:
    """Look again and again how much memory is the process's own; the kernel keeps no peak of that."""
    while not over.wait(EVERY_S):
        seen.append(max(seen.pop() if len(seen) > 1 else 0, status("RssAnon")))


def status(field: str, process: int | str = "self") -> int:
    """Return a size from the kernel's account of a process, in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def short_batch(model: PreTrainedModel, anatomy: Anatomy) -> Batch:
    """Return 32 tokens."""
    return synthetic_batch(anatomy.modality, model.config, InputSpec("text", tokens=32))


def layer_bytes() -> int:
    """Return the size of a layer, of which all are alike."""
    return 4 * (4 * WIDTH * WIDTH + 3 * WIDTH * UNITS + 2 * WIDTH)


def main() -> None:
    """Make the model, run every request in a process of its own, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--only", choices=list(CASES), nargs="+", default=list(CASES))
    parser.add_argument("--measure", nargs=2, metavar=("NAME", "FOLDER"))
    asked = parser.parse_args()
    if asked.measure:
        name, folder = asked.measure
        print(json.dumps(measure(name, Path(folder))))
        return
    layer, bound = layer_bytes(), TIMES * layer_bytes() + SLACK
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "model"
        source.mkdir()
        write_model(source, asked.layers)
        size = sum(file.stat().st_size for file in source.glob("*.safetensors"))
        result = {
            "model_bytes": size,
            "layers": asked.layers,
            "largest_layer_bytes": layer,
            "bound_bytes": bound,
        }
        for name in asked.only:
            command = [sys.executable, __file__, "--measure", name, str(source)]
            line = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
            found = json.loads(line)
            result[name] = found | {"layers_run": CASES[name].layers or asked.layers, "kept": found["peak"] <= bound}
            print(name, json.dumps(result[name]), flush=True)
    if asked.layers == LAYERS:
        known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps(known | result, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""How long it takes to halve HuBERT base: here, and with other tools, side by side in one run.

    make .peers && .venv/bin/python -m benchmarks.compression_time --peers .peers

From the dense model in memory, with random weights, to the compressed one in memory, on one thread, without data.
Seconds of the processor compare even where neighbours slow the machine down. Ours includes the proof on a probe that
every structural cut gets; ``obs`` and the other scores that learn from data are in ``benchmarks.speech_minutes``. A
tool that removes no parameter says so in its row: halves of zeros are not halves of a model.
"""

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import HubertConfig, HubertModel, PreTrainedModel

from benchmarks.peers import TOOLS, one_thread, said, versions
from benchmarks.smaller_faster import HEADS, UNITS, context
from jobs.batches import Batch
from jobs.compression.technique import apply
from jobs.contract.spec import InputSpec, Step
from jobs.inputs import synthetic_batch
from jobs.profiling.size import count_nonzero, count_parameters

RESULTS = Path(__file__).parent / "results" / "compression_time.json"


def ours(*steps: Step) -> Callable[[PreTrainedModel, Batch], PreTrainedModel]:
    """Return how *steps* are done here."""

    def run(model: PreTrainedModel, batch: Batch) -> PreTrainedModel:
        ctx = context(model)
        for step in steps:
            model = apply(step, model, ctx).model
        return model

    return run


WAYS: Mapping[str, Callable[[PreTrainedModel, Batch], PreTrainedModel]] = {
    "ModelPress: heads and units": ours(HEADS, UNITS),
    "ModelPress: low rank": ours(Step("low_rank", {"rank_ratio": 0.5})),
    "ModelPress: fewer layers": ours(Step("distillation", {"layers_kept": 6, "steps": 0})),
    "ModelPress: single weights": ours(Step("weight_pruning", {"sparsity": 0.5})),
    **{f"{name}: heads and units" if name == "torch-pruning" else name: way for name, way in TOOLS.items()},
}


def once(name: str) -> dict[str, Any]:
    """Return what one way took, and what it left."""
    one_thread()
    model = HubertModel(HubertConfig()).eval()
    batch = synthetic_batch("audio", model.config, InputSpec("audio", seconds=1.0))
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        model = WAYS[name](model, batch)
    except Exception as error:  # noqa: BLE001 - a peer's failure is a result
        return {"failed": said(error)}
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "params": count_parameters(model),
        "nonzero": count_nonzero(model),
    }


def main() -> None:
    """Print the table and keep it with the versions that gave it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--peers", type=Path, help="where the other tools lie")
    if (peers := asked.parse_args().peers) is not None:
        sys.path.append(str(peers))
    rows = []
    for name in WAYS:
        rows.append({"way": name, **once(name)})
        print(rows[-1], flush=True)
    kept = {
        "versions": versions("torch-pruning", "nncf"),
        "machine": {"cores": os.cpu_count(), "threads": 1, "load": round(os.getloadavg()[0], 1)},
        "dense_params": count_parameters(HubertModel(HubertConfig())),
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Set half the weights of a real sentence encoder to zero, by every criterion and pattern, and compare embeddings.

    python -m benchmarks.weight_pruning_quality CALIBRATION HELD_OUT

Both are files or folders of text as a request's data would be; no sentence may be in both. The kept result is of
all-MiniLM-L6-v2 on the sentences of STS Benchmark without its MSR subsets: 512 of train to learn from, 1024 of dev to
judge by. The figure is the mean cosine between the dense and the pruned model's embedding of a sentence, which
``quality.harness`` defines. Nothing is trained. Seconds are of one thread's processor time.
"""

import argparse
import json
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

from benchmarks.quality.harness import JUDGING, LEARNING, PACKAGE, embeddings
from jobs.batches import Batches
from jobs.checkpoint.reader import load_model
from jobs.compression.anatomy import anatomy_of
from jobs.compression.technique import Context, apply
from jobs.contract.spec import Step
from jobs.datasets import read_batches

RESULTS = Path(__file__).parent / "results" / "weight_pruning_quality.json"
PATTERNS: tuple[dict[str, Any], ...] = ({}, {"pattern": "2:4"}, {"pattern": "block", "block_size": 8})
CRITERIA = ("magnitude", "wanda", "sparsegpt")


def row(folder: Path, params: dict[str, Any], learning: Batches, judging: Batches, wanted: Tensor) -> dict[str, Any]:
    """Return the figures of one request."""
    model = load_model(folder)
    ctx = Context(
        anatomy_of(model), learning, torch.Generator(), lambda done, total, note="": None, next(iter(learning))
    )
    began = time.process_time()
    outcome = apply(Step("weight_pruning", params), model, ctx)
    seconds = time.process_time() - began
    cosine = (embeddings(outcome.model, judging) * wanted).sum(dim=1).mean()
    return {
        **params,
        "sparsity": round(outcome.achieved["sparsity"], 6),
        "cosine": round(float(cosine), 4),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Print the table and keep it with the versions that gave it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("calibration", type=Path)
    parser.add_argument("held_out", type=Path)
    asked = parser.parse_args()
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise SystemExit(f"Expected the package {PACKAGE}; run make setup.")
    torch.set_num_threads(1)
    folder = Path(package.origin).parent / "model"
    learning = read_batches(asked.calibration, modality="text", model_dir=folder, samples=LEARNING)
    judging = read_batches(asked.held_out, modality="text", model_dir=folder, samples=JUDGING)
    wanted = embeddings(load_model(folder), judging)
    found = []
    for pattern in PATTERNS:
        for criterion in CRITERIA:
            found.append(row(folder, {"criterion": criterion, **pattern}, learning, judging, wanted))
            print(json.dumps(found[-1]))
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    RESULTS.write_text(json.dumps({"versions": versions, "rows": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Factorise a real sentence encoder by every weighting, with and without what data adds, and compare embeddings.

    python -m benchmarks.quality.low_rank CALIBRATION HELD_OUT

Data and figures are those of ``benchmarks.quality.harness``. A ratio is of the parameters of the factorised maps.
Nothing is trained. Seconds are of one thread's processor time.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.quality.harness import Harness, open_harness
from jobs.compression.technique import apply
from jobs.contract.spec import Step

RESULTS = Path(__file__).parents[1] / "results" / "low_rank_quality.json"
HALF = {"rank_ratio": 0.5}
ASKED: tuple[dict[str, Any], ...] = (
    {**HALF, "reconstruct": False},
    {**HALF, "weighting": "fisher", "allocation": "uniform", "reconstruct": False},
    {**HALF, "weighting": "activation", "allocation": "uniform", "reconstruct": False},
    {**HALF, "weighting": "activation", "reconstruct": False},
    {**HALF, "weighting": "activation"},
    {"rank_ratio": 0.75, "weighting": "activation"},
)


def row(harness: Harness, params: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of one request."""
    model = harness.dense()
    began = time.process_time()
    outcome = apply(Step("low_rank", params), model, harness.context(model))
    seconds = time.process_time() - began
    kept = {"kept": round(outcome.achieved["rank_ratio"], 4), "left_dense": outcome.achieved["left_dense"]}
    return {**params, **kept, **harness.quality(outcome.model), "seconds": round(seconds, 1)}


def main() -> None:
    """Print the table and keep it with the versions that gave it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("calibration", type=Path)
    parser.add_argument("held_out", type=Path)
    asked = parser.parse_args()
    harness = open_harness(asked.calibration, asked.held_out)
    found = []
    for params in ASKED:
        found.append(row(harness, params))
        print(json.dumps(found[-1]), flush=True)
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    RESULTS.write_text(json.dumps({"versions": versions, "rows": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()

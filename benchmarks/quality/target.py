"""Meet a budget on a real sentence encoder, without training, and compare embeddings.

    python -m benchmarks.quality.target CALIBRATION HELD_OUT

What the two are, and what is measured, ``harness`` says. Seconds are of the processor, one thread.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.quality.harness import Harness, open_harness
from jobs.compression.target import reach
from jobs.contract.spec import Target

RESULTS = Path(__file__).parent.parent / "results" / "target_quality.json"
TARGETS = (Target("params", ratio=0.75, scope="encoder"), Target("params", ratio=0.5, scope="encoder"))


def row(harness: Harness, target: Target) -> dict[str, Any]:
    """Return the figures of one budget."""
    model = harness.dense()
    ctx = harness.context(model)
    began = time.process_time()
    achieved = reach(target, model, ctx).achieved
    seconds = time.process_time() - began
    asked = {name: value for name, value in asdict(target).items() if value is not None}
    return {**asked, **harness.quality(model), "cpu_seconds": round(seconds, 1), **achieved}


def main() -> None:
    """Print the table and keep it with the versions that gave it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("calibration", type=Path)
    parser.add_argument("held_out", type=Path)
    asked = parser.parse_args()
    harness = open_harness(asked.calibration, asked.held_out)
    found = []
    for target in TARGETS:
        found.append(row(harness, target))
        print(json.dumps(found[-1]))
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    RESULTS.write_text(json.dumps({"versions": versions, "rows": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()

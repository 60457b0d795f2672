"""Compress a real sentence encoder to several sizes by every method, keep the figures, and draw them.

    python -m benchmarks.quality CALIBRATION HELD_OUT [--peers FOLDER] [--only METHOD ...]

What the two tables are, ``harness`` says; what the folder is, ``peers``. ``--only`` repeats some methods and keeps the
other rows, as long as machine, versions and sentences are the same. Nothing is trained.
"""

import argparse
import json
import sys
from collections.abc import Container
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from benchmarks.quality import ours, peers
from benchmarks.quality.conditions import conditions
from benchmarks.quality.figure import FIGURE, RESULTS, draw
from benchmarks.quality.harness import JUDGING, LEARNING, open_harness
from benchmarks.quality.points import SHARES, point

PEERS = ("torch-pruning", "nncf")


def main() -> None:
    """Measure what is asked for, one point after another, each kept and drawn at once."""
    asked = _arguments()
    methods = {**ours.METHODS, **(peers.METHODS if asked.peers else {})}
    chosen = {name: compress for name, compress in methods.items() if name in (asked.only or methods)}
    document = _begun(asked, chosen)
    harness = open_harness(asked.calibration, asked.held_out)
    if asked.peers:
        sys.path.append(str(asked.peers))
    for name, compress in chosen.items():
        for share in SHARES:
            document["rows"].append(point(harness, name, compress, share))
            print(json.dumps(document["rows"][-1]), flush=True)
            RESULTS.write_text(json.dumps(document, indent=2) + "\n")
            draw(document["rows"], FIGURE)


def _begun(asked: argparse.Namespace, chosen: Container[str]) -> dict[str, Any]:
    """Return the table as it is before anything is measured: with the rows that stay."""
    conditions = _conditions(asked.calibration, asked.held_out)
    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept = before if before.get("conditions") == conditions else {"peers": {}, "rows": []}
    rows = [row for row in kept["rows"] if row["method"] not in chosen]
    return {"conditions": conditions, "peers": _peers(asked.peers) if asked.peers else kept["peers"], "rows": rows}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("calibration", type=Path, help="sentence pairs to learn from")
    parser.add_argument("held_out", type=Path, help="sentence pairs to judge by")
    parser.add_argument("--peers", type=Path, help="where torch-pruning and nncf are installed")
    parser.add_argument("--only", nargs="+", choices=(*ours.METHODS, *peers.METHODS), help="what to measure anew")
    return parser.parse_args()


def _conditions(calibration: Path, held_out: Path) -> dict[str, Any]:
    """Return all that rows must have in common to stand in one table."""
    learning, judging = (sha256(table.read_bytes()).hexdigest() for table in (calibration, held_out))
    return {
        "model": "all-MiniLM-L6-v2",
        "learning": {"sentences": LEARNING, "sha256": learning},
        "judging": {"sentences": JUDGING, "sha256": judging},
        **conditions(),
    }


def _peers(folder: Path) -> dict[str, str]:
    found = {each.name: each.version for each in distributions(path=[str(folder)])}
    return {name: found.get(name, "not installed") for name in PEERS}


if __name__ == "__main__":
    main()

"""Compress a speech model by every technique, and see what becomes of what is said and of who says it.

    python -m benchmarks.quality.content_and_speaker MODEL DATA [--refit]

MODEL is a folder of a speech model, DATA one of recordings with a metadata.csv that has the columns ``digit`` and
``speaker``, as the Free Spoken Digit Dataset. Nothing is trained but the probes: linear maps of the model's frozen last
hidden states. With ``--refit`` techniques learn from the same recordings, without labels, to make up for what goes; the
rows are kept beside those of cutting alone, which are drawn.
"""

import argparse
import json
from pathlib import Path

from benchmarks.quality.judged import DATA, Judged
from benchmarks.quality.panels import Panels, draw

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "content_and_speaker.json"
FIGURE = ROOT / "docs" / "content_and_speaker.svg"
SAMPLES, SEEDS = 400, 3
PANELS = Panels({"digit": "what is said", "speaker": "who says it"}, "errors of a linear probe")


def main() -> None:
    """Measure, print, keep and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--refit", action="store_true")
    asked = parser.parse_args()
    shared = {"probe": "classification", "data": {"uri": DATA, "samples": SAMPLES}, "seeds": SEEDS}
    probes = [{**shared, "label": label} for label in PANELS.lines]
    judged = Judged(asked.model, asked.data, probes, refit=asked.refit)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    document = kept["refitted" if asked.refit else "cut"] = {**judged.said(), "rows": []}
    for row in judged.rows():
        print(json.dumps(row), flush=True)
        document["rows"].append(row)
        RESULTS.write_text(json.dumps(kept, indent=2) + "\n")
    if not asked.refit:
        draw(document["rows"], PANELS, FIGURE)


if __name__ == "__main__":
    main()

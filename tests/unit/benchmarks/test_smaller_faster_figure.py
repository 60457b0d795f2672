"""The picture of how much faster smaller models are: what it shows, and that it is the same each time."""

import json
from pathlib import Path
from typing import Any

from benchmarks.smaller_faster_figure import FIGURE, MARKERS, RESULTS, RUNTIMES, draw

WHERE: dict[str, Any] = {"model": "HuBERT base, 1 s", "batch": 1, "threads": 1}
FOUND: dict[str, Any] = {"cut": "heads", "ideal": 1.12, "realised": 1.1, "low": 1.08, "high": 1.13}
ROWS = [{**WHERE, **FOUND, "runtime": "eager"}, {**WHERE, **FOUND, "runtime": "onnxruntime"}]


def test_runtimes_and_cuts_are_named(tmp_path: Path) -> None:
    """Whoever sees the picture can tell what each mark means, and in which unit the axes are."""
    draw(ROWS, tmp_path / "figure.svg")

    found = (tmp_path / "figure.svg").read_text()
    assert all(name in found for name in MARKERS)
    assert [name for name, (label, _) in RUNTIMES.items() if label in found] == ["eager", "onnxruntime"]
    assert "ideal: dense MACs over those left" in found


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    """A picture drawn twice is one picture."""
    for name in ("first.svg", "second.svg"):
        draw(ROWS, tmp_path / name)

    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_the_published_picture_is_of_the_published_figures(tmp_path: Path) -> None:
    """The file in docs is what the kept results give."""
    draw(json.loads(RESULTS.read_text())["rows"], tmp_path / "figure.svg")

    assert (tmp_path / "figure.svg").read_bytes() == FIGURE.read_bytes()

"""The picture of content and speaker: what it shows, and that it is the same each time."""

import json
from pathlib import Path
from typing import Any

from benchmarks.quality.content_and_speaker import FIGURE, PANELS, RESULTS
from benchmarks.quality.panels import TITLES, draw


def row(technique: str, removed: float, accuracy: float) -> dict[str, Any]:
    """Return a row as it is measured."""
    score = {"value": accuracy, "low": accuracy - 0.05, "high": accuracy + 0.04, "samples": 100}
    return {"technique": technique, "removed": removed, "digit": score, "speaker": score}


ROWS = [row("dense", 0.0, 0.9), *(row(each, share, 0.8) for each in TITLES for share in (0.25, 0.5))]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    """A picture drawn twice is one picture, in whatever order its rows were measured, and names what it shows."""
    draw(ROWS, PANELS, tmp_path / "first.svg")
    draw(ROWS[::-1], PANELS, tmp_path / "second.svg")
    text = (tmp_path / "first.svg").read_text()

    assert text == (tmp_path / "second.svg").read_text()
    assert all(said in text for said in (*TITLES.values(), *PANELS.lines.values(), PANELS.axis))


def test_the_published_picture_is_of_the_published_figures(tmp_path: Path) -> None:
    """The file in docs is what the kept results give."""
    draw(json.loads(RESULTS.read_text())["cut"]["rows"], PANELS, tmp_path / "figure.svg")

    assert (tmp_path / "figure.svg").read_bytes() == FIGURE.read_bytes()

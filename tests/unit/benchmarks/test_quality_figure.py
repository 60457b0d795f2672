"""The picture of the quality benchmark: what it shows, and that it is the same each time."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quality.figure import LINES, draw, spread

ROWS: list[dict[str, Any]] = [
    {"method": "target", "asked": 0.5, "nonzero": 0.49, "cosine": 0.9},
    {"method": "target", "asked": 0.75, "nonzero": 0.74, "cosine": 0.97},
    {"method": "nncf, by layer", "asked": 0.5, "nonzero": 0.5, "cosine": 0.7},
    {"method": "torch-pruning, taylor", "asked": 0.5, "failed": "ValueError: no"},
]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    """A picture drawn twice is one picture, in whatever order its rows were measured."""
    draw(ROWS, tmp_path / "first.svg")
    draw(ROWS[::-1], tmp_path / "second.svg")

    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_what_was_measured_is_named(tmp_path: Path) -> None:
    """Methods with points are named beside their lines; one that only failed is not drawn."""
    draw(ROWS, tmp_path / "figure.svg")
    found = (tmp_path / "figure.svg").read_text()
    named = {method for method, line in LINES.items() if line.label in found}

    assert named == {"target", "nncf, by layer"}


def test_the_published_picture_is_of_the_published_figures(tmp_path: Path) -> None:
    """The file in docs is what the kept results give."""
    root = Path(__file__).parents[3]
    draw(json.loads((root / "benchmarks/results/quality.json").read_text())["rows"], tmp_path / "figure.svg")

    assert (tmp_path / "figure.svg").read_bytes() == (root / "docs/quality.svg").read_bytes()


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [
        ([0.9, 0.5], [0.9, 0.5]),
        ([0.7, 0.7], [0.75, 0.65]),
        ([0.9, 0.81, 0.8], [0.93667, 0.83667, 0.73667]),
    ],
)
def test_labels_keep_apart(wanted: list[float], placed: list[float]) -> None:
    """Labels stay where they are wanted, or share out the room around that where it is tight."""
    assert spread(wanted, 0.1) == pytest.approx(placed, abs=1e-5)

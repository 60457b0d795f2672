"""The picture of what is kept: for each method, how close embeddings stay against how much of the encoder is left.

    python -m benchmarks.quality.figure

draws what has been measured, again.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "quality.json"
FIGURE = ROOT / "docs" / "quality.svg"

INK = "#7a7d82"
"""Of words and of peers: it stands out from white and from black paper alike."""

DENSE = (1.0, 1.0)
APART = 0.045
"""How far two labels keep from each other, as a share of the axis."""


@dataclass(frozen=True, slots=True)
class Line:
    """How one method is drawn; dotted where shapes stay and only zeros are counted as gone."""

    label: str
    colour: str
    marker: str
    dotted: bool = False


LINES = {
    "target": Line("ModelPress: target", "#1f82c0", "o"),
    "heads and units": Line("ModelPress: heads and units", "#d55e00", "s"),
    "low rank": Line("ModelPress: low rank", "#009e73", "^"),
    "fewer layers": Line("ModelPress: fewer layers", "#b0608c", "D"),
    "single weights, sparsegpt": Line("ModelPress: single weights", "#a37b00", "v", dotted=True),
    "torch-pruning, taylor across layers": Line("torch-pruning, Taylor across layers", INK, "p"),
    "torch-pruning, taylor": Line("torch-pruning, Taylor", INK, "P"),
    "torch-pruning, magnitude": Line("torch-pruning, magnitude", INK, "X"),
    "nncf, by layer": Line("nncf: single weights", INK, "*", dotted=True),
}
"""What is drawn, colours of Okabe and Ito dark enough for white paper; other rows are for readers of the table."""

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "quality",  # else every drawing of the same figures is another file
    "svg.fonttype": "none",
    "font.size": 10,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the picture of *rows* to *path* as SVG: the same rows, the same bytes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 4.6), layout="constrained")
        axes = figure.add_subplot()
        ends = {method: _draw_line(axes, LINES[method], _points(rows, method)) for method in _drawn(rows)}
        _frame(axes)
        _label(axes, ends)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def spread(wanted: Sequence[float], apart: float) -> list[float]:
    """Return heights as near to those *wanted*, in falling order, as labels that keep *apart* can be."""
    placed: list[list[float]] = []
    for height in wanted:
        placed.append([height])
        while len(placed) > 1 and _centre(placed[-2]) - _centre(placed[-1]) < apart * _reach(placed[-2:]):
            last = placed.pop()
            placed[-1] += last
    return [_centre(group) + apart * ((len(group) - 1) / 2 - place) for group in placed for place in range(len(group))]


def _centre(group: Sequence[float]) -> float:
    return sum(group) / len(group)


def _reach(groups: Iterable[Sequence[float]]) -> float:
    return sum(map(len, groups)) / 2


def _drawn(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [method for method in LINES if _points(rows, method)]


def _points(rows: Sequence[dict[str, Any]], method: str) -> list[tuple[float, float]]:
    """Return what is left and the cosine of each point of *method*, the largest model first."""
    found = [(row["nonzero"], row["cosine"]) for row in rows if row["method"] == method and "failed" not in row]
    return sorted(found, reverse=True)


def _draw_line(axes: Axes, line: Line, points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Draw one method and return where its line ends."""
    left, cosine = zip(DENSE, *points, strict=True)
    width = 2.6 if line.label.endswith("target") else 1.3
    style = ":" if line.dotted else "-"
    axes.plot(left, cosine, style, color=line.colour, linewidth=width)
    axes.plot(left[1:], cosine[1:], line.marker, color=line.colour, markersize=6)
    return points[-1]


def _frame(axes: Axes) -> None:
    axes.set_xlabel("parameters of the encoder that are left (dotted: that are not zero)")
    axes.set_ylabel("cosine to the dense model's embeddings")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlim(1.01, 0.32)
    axes.grid(color=INK, alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _label(axes: Axes, ends: dict[str, tuple[float, float]]) -> None:
    """Write each method's name beside the end of its line, none over another."""
    falling = sorted(ends, key=lambda method: -ends[method][1])
    low, high = axes.get_ylim()
    heights = spread([ends[method][1] for method in falling], APART * (high - low))
    for method, height in zip(falling, heights, strict=True):
        line = LINES[method]
        axes.annotate(
            line.label,
            ends[method],
            xytext=(1.015, (height - low) / (high - low)),
            textcoords="axes fraction",
            color=line.colour,
            va="center",
            arrowprops={"arrowstyle": "-", "color": line.colour, "linewidth": 0.6, "alpha": 0.6},
        )


if __name__ == "__main__":
    draw(json.loads(RESULTS.read_text())["rows"], FIGURE)

"""The picture of what is realised: for each cut, how much faster it is against how many fewer MACs it has.

    python -m benchmarks.smaller_faster_figure

draws what ``benchmarks.smaller_faster`` has measured, again. On the line a cut is as much faster as it is smaller; on
the dotted one, 0.85 of that.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "smaller_faster.json"
FIGURE = ROOT / "docs" / "smaller_faster.svg"
INK = "#7a7d82"
"""Of words and lines: it stands out from white and from black paper alike."""

RUNTIMES: Mapping[str, tuple[str, str]] = {
    "eager": ("plain PyTorch", "#1f82c0"),
    "torch_compile": ("torch.compile", "#d55e00"),
    "onnxruntime": ("ONNX Runtime", "#009e73"),
}
MARKERS: Mapping[str, str] = {
    "heads": "o",
    "units": "s",
    "heads and units": "D",
    "low rank": "^",
    "low rank, a quarter": "v",
    "layers": "P",
    "weights": "X",
}
PANELS = (("HuBERT base, 1 s", 1), ("HuBERT base, 1 s", 8), ("MiniLM, 128 tokens", 1), ("MiniLM, 128 tokens", 8))
THREADS = 1
AIM = 0.85
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "smaller_faster",  # else every drawing of the same figures is another file
    "svg.fonttype": "none",
    "font.size": 10,
    "font.family": "sans-serif",
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the picture of *rows* to *path* as SVG: the same rows, the same bytes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 7.6), layout="constrained")
        for axes, (model, batch) in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
            wanted = {"model": model, "batch": batch, "threads": THREADS}
            found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
            _panel(axes, f"{model}, batch {batch}", found)
        measured = {row["runtime"] for row in rows}
        handles = [_key("o", colour, label) for name, (label, colour) in RUNTIMES.items() if name in measured]
        handles += [_key(marker, INK, name) for name, marker in MARKERS.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def _panel(axes: Axes, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    most = max((max(row["ideal"], row["high"]) for row in rows), default=2.0) + 0.1
    axes.plot([0.9, most], [0.9, most], color=INK, linewidth=1.0)
    axes.plot([0.9, most], [0.9 * AIM, most * AIM], ":", color=INK, linewidth=1.0)
    for row in rows:
        _, colour = RUNTIMES[row["runtime"]]
        reach = [[row["realised"] - row["low"]], [row["high"] - row["realised"]]]
        axes.errorbar(
            row["ideal"],
            row["realised"],
            yerr=reach,
            fmt=MARKERS[row["cut"]],
            color=colour,
            markersize=6,
            elinewidth=0.9,
            alpha=0.9,
        )
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("ideal: dense MACs over those left")
    axes.set_ylabel("realised: dense time over that left")
    axes.set_xlim(0.9, most)
    axes.set_ylim(0.8, most)
    axes.grid(color=INK, alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _key(marker: str, colour: str, label: str) -> Any:
    return Line2D([], [], marker=marker, color=colour, linestyle="", label=label)


def main() -> None:
    """Draw what has been measured."""
    draw(json.loads(RESULTS.read_text())["rows"], FIGURE)


if __name__ == "__main__":
    main()

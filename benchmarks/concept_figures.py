"""The pictures of ``docs/concepts``: each technique among the others, drawn from what has been measured.

    python -m benchmarks.concept_figures

Three come from the landscape of MelHuBERT (``make landscape-paper``), that of low rank, which it has not, from the
quality of MiniLM (``make quality``) and from ``benchmarks.smaller_faster``.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[1]
RESULTS, PAGES = ROOT / "benchmarks" / "results", ROOT / "docs" / "concepts"
INK, FAINT, COLOUR = "#7a7d82", "#b9bcc0", "#d55e00"
"""Of words, of the others and of the technique: they stand out from white and from black paper alike."""
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "concepts",  # else every drawing of the same figures is another file
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
SERIES = {
    "weight_pruning": {"weight_pruning": "single weights"},
    "head_pruning": {"head_pruning": "heads", "ffn_pruning": "feed-forward units"},
    "distillation": {"distillation": "distilled", "first_layers": "the same layers, not taught"},
}
"""Of each page the series that it is about."""
MARKERS = "os"
Row = Mapping[str, Any]


def main() -> None:
    """Draw all four."""
    landscape, quality, speed = (_rows(name) for name in ("landscape_paper", "quality", "smaller_faster"))
    for name, series in SERIES.items():
        _draw(name, lambda left, right, own=series: _in_the_landscape(left, right, landscape, own))
    _draw("low_rank", lambda left, right: _low_rank(left, right, quality, speed))


def _rows(name: str) -> list[Row]:
    rows: list[Row] = json.loads((RESULTS / f"{name}.json").read_text())["rows"]
    return rows


def _draw(name: str, fill: Callable[[Axes, Axes], None]) -> None:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        fill(left, right)
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False, fontsize=9)
        figure.savefig(PAGES / f"{name}.svg", transparent=True, metadata={"Date": None, "Creator": None})


def _in_the_landscape(left: Axes, right: Axes, rows: list[Row], series: Mapping[str, str]) -> None:
    dense = next(row for row in rows if row["series"] == "dense")
    for axes, cost, label in (
        (left, lambda row: row["params"] / dense["params"], "parameters that are not zero, of the dense model's"),
        (right, lambda row: row["latency"], "wall-clock, of the dense model's"),
    ):
        others = [row for row in rows if row["series"] not in series]
        axes.plot([*map(cost, others)], [row["phone_error_rate"] for row in others], "o", c=FAINT, ms=4, label="others")
        for marker, (each, title) in zip(MARKERS, series.items(), strict=False):
            own = [row for row in rows if row["series"] == each]
            look = {"c": COLOUR, "marker": marker, "ms": 5, "ls": "-" if marker == "o" else ":", "label": title}
            axes.plot([*map(cost, own)], [row["phone_error_rate"] for row in own], **look)
        axes.set(xlabel=label, ylabel="phone error rate, as published [%]", ylim=(5, 25), xlim=(0, 1.1))


def _low_rank(left: Axes, right: Axes, quality: list[Row], speed: list[Row]) -> None:
    others = [row for row in quality if row["method"] in {"heads and units", "fewer layers", "target"}]
    own = [row for row in quality if row["method"] == "low rank"]
    left.plot([row["stored"] for row in others], [row["cosine"] for row in others], "o", c=FAINT, ms=4, label="others")
    left.plot([row["stored"] for row in own], [row["cosine"] for row in own], "o-", c=COLOUR, ms=5, label="low rank")
    left.set(xlabel="parameters of the encoder, of the dense ones", ylabel="cosine to the dense embeddings")
    timed = [row for row in speed if row["runtime"] == "eager"]
    for title, colour, mine in (("others", FAINT, False), ("low rank", COLOUR, True)):
        chosen = [row for row in timed if row["cut"].startswith("low rank") is mine]
        right.plot([row["ideal"] for row in chosen], [row["realised"] for row in chosen], "o", c=colour, label=title)
    right.axline((1, 1), slope=1, c=INK, lw=0.8)
    right.set(xlabel="as much faster as MACs say", ylabel="as much faster as the clock says")


if __name__ == "__main__":
    main()

"""The picture of what probes find: a panel for each technique, a line of error rates for each label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from benchmarks.quality.figure import INK, STYLE

TITLES = {
    "ffn_pruning": "feed-forward units removed",
    "head_pruning": "heads removed",
    "low_rank": "parameters removed by rank",
    "fewer_layers": "layers removed",
}
LOOKS = (("#d55e00", "o"), ("#1f82c0", "s"))
"""Colours of Okabe and Ito dark enough for white paper, and marks that differ too."""


@dataclass(frozen=True, slots=True)
class Panels:
    """What is drawn.

    Attributes:
        lines: what each label is called.
        axis: what the vertical axis says.
    """

    lines: Mapping[str, str]
    axis: str


def draw(rows: Sequence[dict[str, Any]], panels: Panels, path: Path) -> None:
    """Write the picture of *rows* to *path* as SVG: the same rows, the same bytes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 3.4), layout="constrained")
        places = figure.subplots(1, len(TITLES), sharex=True, sharey=True)
        for axes, (technique, title) in zip(places, TITLES.items(), strict=True):
            found = [row for row in rows if row["technique"] in ("dense", technique)]
            _panel(axes, sorted(found, key=lambda row: float(row["removed"])), panels)
            axes.set_title(title, fontsize=9, color=INK)
        highest = max(_errors(row[label])[2] for row in rows for label in panels.lines)
        places[0].set_ylim(0, 1.05 * highest)
        places[0].set_ylabel(panels.axis)
        figure.legend(*places[0].get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=2)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def _panel(axes: Axes, rows: Sequence[dict[str, Any]], panels: Panels) -> None:
    removed = [row["removed"] for row in rows]
    for (label, said), (colour, marker) in zip(panels.lines.items(), LOOKS, strict=False):
        errors = [_errors(row[label]) for row in rows]
        middle = [each[0] for each in errors]
        spread = [[each[0] - each[1] for each in errors], [each[2] - each[0] for each in errors]]
        axes.errorbar(
            removed,
            middle,
            yerr=spread,
            color=colour,
            marker=marker,
            markersize=5,
            linewidth=1.4,
            capsize=2,
            label=said,
        )
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xticks([0, 0.25, 0.5, 0.75])
    axes.set_xlim(-0.06, 0.81)
    axes.grid(color=INK, alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _errors(score: Mapping[str, float]) -> tuple[float, float, float]:
    """Return the error rate of an accuracy, and the ends of its interval."""
    return 1 - score["value"], 1 - score["high"], 1 - score["low"]

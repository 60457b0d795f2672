"""A landscape as pictures for papers: each quality against each cost, as PNG and SVG.

Colours and shapes are those of the page (``jobs/landscape/page/landscape.js``). The same report gives the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator

from jobs.contract.landscape import LandscapePoint, LandscapeReport, Measure
from jobs.landscape.ground import CHIEF_COSTS, Ground, by_series
from jobs.landscape.outcome import DENSE, FIRST_LAYERS, SAME_STEPS

PNG, SVG = "landscape.png", "landscape.svg"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0608c", "#a37b00", "#3f97cf")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK, SOFT = "#1d2125", "#5b636b"
SIZE_IN = (3.1, 2.6)
"""Of one panel, width and height."""
WIDE = 4.0
"""The largest of errors over the smallest from which on their axis is logarithmic."""

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "landscape",  # else every drawing of the same figures is another file
    "svg.fonttype": "none",
    "font.size": 8,
    "font.family": "sans-serif",
    "axes.edgecolor": SOFT,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a series is drawn; *hollow* where it is held against the others."""

    colour: str
    marker: str
    hollow: bool = False


def draw(report: LandscapeReport, folder: Path) -> None:
    """Write the pictures of *report*, in which some point has ended, into *folder*."""
    ground = Ground.of(report.measures, report.points)
    with mpl.rc_context(STYLE):
        figure = _figure(report, ground)
        figure.savefig(folder / PNG, dpi=300, metadata={"Software": None})
        figure.savefig(folder / SVG, metadata={"Date": None, "Creator": None})


def looks(points: Sequence[LandscapePoint]) -> Mapping[str, Look]:
    """Return how each series of *points* is drawn, by the order in which they come."""
    found = {
        DENSE: Look(INK, "*"),
        SAME_STEPS: Look(INK, "o", hollow=True),
        FIRST_LAYERS: Look(INK, "s", hollow=True),
    }
    others = [each for each in dict.fromkeys(point.series for point in points) if each not in found]
    pairs = ((COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]) for index in range(len(others)))
    return found | {name: Look(*pair) for name, pair in zip(others, pairs, strict=True)}


def _figure(report: LandscapeReport, ground: Ground) -> Figure:
    costs = [ground.measures[name] for name in ground.costs() or CHIEF_COSTS if name in ground.measures]
    qualities = ground.qualities()
    width, height = SIZE_IN
    figure = Figure(figsize=(width * len(costs), height * len(qualities) + 0.5), layout="constrained")
    panels = figure.subplots(len(qualities), len(costs), squeeze=False, sharex="col", sharey="row")
    style = looks(report.points)
    for row, quality in zip(panels, qualities, strict=True):
        for axes, cost in zip(row, costs, strict=True):
            _panel(axes, report, cost, quality, style)
            axes.label_outer()
    handles = {
        label: handle for axes in panels.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=max(2, 2 * len(costs)), frameon=False
    )
    return figure


def _panel(axes: Axes, report: LandscapeReport, cost: Measure, quality: Measure, style: Mapping[str, Look]) -> None:
    points = [each for each in report.points if {cost.name, quality.name} <= each.values.keys()]
    _front(axes, report, points, cost, quality)
    for series, own in by_series(points).items():
        _series(axes, own, cost, quality, style[series])
    _references(axes, report, cost, quality)
    axes.set_xlabel(_title(cost))
    axes.set_ylabel(_title(quality))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    if cost.unit != "× dense":
        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    _spread(axes, [each.values[quality.name] for each in points], quality)
    axes.grid(color=SOFT, alpha=0.2, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def _spread(axes: Axes, values: Sequence[float], quality: Measure) -> None:
    """Draw errors that lie far apart on a logarithmic axis: on a linear one a single bad point leaves no room."""
    if quality.better == "lower" and values and 0 < min(values) * WIDE < max(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(EngFormatter(sep=" "))
        axes.yaxis.set_minor_locator(NullLocator())


def _series(axes: Axes, points: Sequence[LandscapePoint], cost: Measure, quality: Measure, look: Look) -> None:
    x, y = ([each.values[measure.name] for each in points] for measure in (cost, quality))
    axes.errorbar(
        x,
        y,
        xerr=_ends(points, cost),
        yerr=_ends(points, quality),
        label=points[0].series,
        color=look.colour,
        marker=look.marker,
        markerfacecolor="none" if look.hollow else look.colour,
        markeredgecolor=look.colour if look.hollow else "white",
        markeredgewidth=1 if look.hollow else 0.4,
        markersize=8 if look.marker == "*" else 5,
        linewidth=0.6,
        elinewidth=0.8,
    )


def _ends(points: Sequence[LandscapePoint], measure: Measure) -> list[list[float]]:
    """Return how far the intervals reach below and above the values."""
    values = [each.values[measure.name] for each in points]
    ends = [each.intervals.get(measure.name, (value, value)) for each, value in zip(points, values, strict=True)]
    pairs = list(zip(values, ends, strict=True))
    return [
        [max(0.0, value - low) for value, (low, _) in pairs],
        [max(0.0, high - value) for value, (_, high) in pairs],
    ]


def _front(
    axes: Axes, report: LandscapeReport, points: Sequence[LandscapePoint], cost: Measure, quality: Measure
) -> None:
    (front,) = [each for each in report.fronts if (each.cost, each.quality) == (cost.name, quality.name)]
    places = {each.name: (each.values[cost.name], each.values[quality.name]) for each in points}
    x, y = zip(*(places[name] for name in front.points), strict=True)
    axes.step(x, y, where="post", color=INK, alpha=0.18, linewidth=4, label="Pareto front", solid_joinstyle="round")
    if front.knee is not None:
        at = [[each] for each in places[front.knee]]
        axes.plot(*at, "o", color=INK, markerfacecolor="none", markersize=11, markeredgewidth=0.8, label="knee")


def _references(axes: Axes, report: LandscapeReport, cost: Measure, quality: Measure) -> None:
    """Draw where the dense model stands, and how good it is after the steps of the recovery."""
    line: dict[str, Any] = {"color": SOFT, "linewidth": 0.7, "zorder": 0}
    for each in report.points:
        if each.series == DENSE and cost.name in each.values:
            axes.axvline(each.values[cost.name], linestyle="--", **line)
        if each.series in {DENSE, SAME_STEPS} and quality.name in each.values:
            axes.axhline(each.values[quality.name], linestyle="--" if each.series == DENSE else ":", **line)


def _title(measure: Measure) -> str:
    unit = "" if measure.unit in {"", "× dense", "MACs"} else f" [{measure.unit}]"
    return f"{measure.title}{unit}\n({measure.better} is better)"

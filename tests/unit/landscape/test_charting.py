"""The pictures of a landscape: the same each time, and in the page's colours."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from made_reports import ended, failed, pending, probe

from jobs.charting import COLOURS, MARKERS, PNG, SVG, draw, looks
from jobs.landscape.assemble import assemble
from jobs.landscape.html import PAGE, SCRIPT
from jobs.landscape.outcome import PointOutcome

RICH = [
    *(
        ended(f"heads {share}", "head_pruning", params=share, quality=[probe(share, control=0.9)])
        for share in (0.4, 0.7)
    ),
    ended("zeros", "weight_pruning", zeros=0.5, time=1.0, quality=[probe(0.85)]),
    failed("bad"),
]


def test_the_same_report_gives_the_same_pictures(tmp_path: Path) -> None:
    """Drawn twice, PNG and SVG are the same files."""
    folders = tmp_path / "a", tmp_path / "b"
    for each in folders:
        each.mkdir()
        draw(assemble(RICH), each)

    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in (PNG, SVG))


def test_axes_say_what_they_measure(tmp_path: Path) -> None:
    """Titles, which way is better, and each series are in the picture; a series that failed is not."""
    draw(assemble(RICH), tmp_path)
    text = (tmp_path / SVG).read_text()

    for said in ("Wall-clock relative to dense", "(lower is better)", "Accuracy (digit)", "weight_pruning", "dense"):
        assert said in text


@pytest.mark.parametrize(
    "outcomes",
    [
        [ended("same", "low_rank")],
        [ended("untimed", "low_rank", params=0.5, timed=False), pending("waits")],
        [ended("twice", "a", params=0.5), ended("again", "a", params=0.5)],
    ],
)
def test_little_is_drawn_too(tmp_path: Path, outcomes: Sequence[PointOutcome]) -> None:
    """Neither a point like the dense model, nor one without a clock, nor equal points stop the picture."""
    draw(assemble(outcomes), tmp_path)

    assert (tmp_path / PNG).read_bytes().startswith(b"\x89PNG")


def test_pages_and_pictures_share_their_colours() -> None:
    """The page's script has the same colours in the same order, and as many shapes."""
    script = (PAGE / SCRIPT).read_text()
    colours = re.search(r"COLOURS = \[(.*?)\]", script)
    shapes = re.search(r"SHAPES = \[(.*?)\];", script, re.DOTALL)

    assert colours is not None
    assert shapes is not None
    assert tuple(re.findall(r'"(#\w+)"', colours[1])) == COLOURS
    assert len(re.findall(r'"M[^"]*Z"', shapes[1])) == len(MARKERS)


def test_series_differ_in_colour_or_shape() -> None:
    """No two of forty-two series look the same."""
    report = assemble([ended(str(number), f"series {number}") for number in range(42)])
    drawn = looks(report.points)

    assert len({(each.colour, each.marker, each.hollow) for each in drawn.values()}) == 45


@pytest.mark.parametrize("paper", ["#ffffff", "#15181c"])
def test_colours_stand_out_from_light_and_dark_paper(paper: str) -> None:
    """Each has a contrast of at least 3 : 1, as WCAG 2.2 asks of graphics (1.4.11)."""
    assert all(_contrast(each, paper) >= 3 for each in COLOURS)


def _contrast(one: str, other: str) -> float:
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

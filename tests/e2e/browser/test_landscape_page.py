"""A landscape's page in a real Chromium: opened as a file, without network, by the mouse, by keys and on a phone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import CONTRAST, NAMELESS, Open
from made_reports import ended, failed, pending, probe
from playwright.sync_api import Browser, Page, expect

from jobs.landscape.assemble import assemble
from jobs.landscape.html import to_html
from jobs.landscape.outcome import FIRST_LAYERS, PointOutcome

pytestmark = pytest.mark.slow

OVERLAPS = """() => {
  const texts = [...document.querySelectorAll(".landscape-chart svg text")].filter((each) => each.textContent.trim());
  const boxes = texts.map((each) => [each.textContent, each.getBoundingClientRect()]);
  const chart = document.querySelector(".landscape-chart").getBoundingClientRect();
  const outside = boxes.filter(([, box]) => box.left < chart.left - 1 || box.right > chart.right + 1 ||
    box.top < chart.top - 1 || box.bottom > chart.bottom + 1).map(([text]) => `${text} is cut`);
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return outside.concat(boxes.flatMap(([text, box], index) =>
    boxes.slice(index + 1).filter(([, other]) => meet(box, other)).map(([other]) => `${text} on ${other}`)));
}"""
"""Words of the chart that run out of it or over each other."""


def many() -> list[PointOutcome]:
    """Return thirty-five points of seven series, with controls, one of them failed."""
    techniques = ("head_pruning", "ffn_pruning", "low_rank", "distillation", "head_pruning + ffn_pruning")
    shares = (0.95, 0.85, 0.7, 0.55, 0.4, 0.3)
    cut = [
        ended(
            f"{name} {share:g}", name, params=share, quality=[probe(0.9 - (1 - share) ** 2 / (2 + place), control=0.91)]
        )
        for place, name in enumerate(techniques)
        for share in shares
    ]
    zeroed = [
        ended(f"zeros {zeros}", "weight_pruning", zeros=zeros, time=1.0, quality=[probe(0.88)]) for zeros in (0.5, 0.9)
    ]
    first = [
        ended(f"first layers {share}", FIRST_LAYERS, params=share, quality=[probe(share)]) for share in (0.5, 0.75)
    ]
    return [*cut, *zeroed, *first, failed("low_rank 0.99", "low_rank")]


LANDSCAPES = {
    "many": many(),
    "few": [ended("heads", "head_pruning", params=0.5, cosine=0.9)],
    "twins": [ended("a", "head_pruning", params=0.5, cosine=0.9), ended("b", "low_rank", params=0.5, cosine=0.9)],
    "under way": [ended("heads", "head_pruning", params=0.5), pending("more"), failed("bad")],
    "untimed": [
        ended("heads", "head_pruning", params=0.5, timed=False),
        ended("rank", "low_rank", params=0.4, timed=False),
    ],
}


@pytest.fixture
def shown(chromium: Browser, tmp_path: Path) -> Iterator[Open]:
    """Return what opens the page of some points as a file; it asks nobody for anything, and nothing is refused."""
    contexts, faults = [], []

    def open_page(*, points: list[PointOutcome], **options: object) -> Page:
        (tmp_path / "landscape.html").write_text(to_html(assemble(points)))
        contexts.append(chromium.new_context(**{"viewport": {"width": 1600, "height": 1000}, **options}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text))
        page.on("request", lambda asked: faults.append(asked.url) if not asked.url.startswith("file:") else None)
        page.goto((tmp_path / "landscape.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.mark.parametrize("named", LANDSCAPES)
@pytest.mark.parametrize("width", [360, 768, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overlaps(shown: Open, named: str, width: int, scheme: str, pictures: Path) -> None:
    """With many points or few, at any width, light or dark, on every pair and scale of axes words keep apart."""
    page = shown(points=LANDSCAPES[named], viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.screenshot(path=pictures / f"landscape-{named}-{width}-{scheme}.png", full_page=True)

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(CONTRAST) == page.evaluate(NAMELESS) == []
    choice = page.get_by_label("Cost", exact=True)
    costs = choice.locator("option").all_text_contents()
    assert "Parameters" in costs
    for scale in ("linear", "logarithmic"):
        for cost in costs:
            choice.select_option(cost)
            assert page.evaluate(OVERLAPS) == [], (scale, cost)
        page.get_by_label("logarithmic cost").check()


def test_series_are_switched_and_axes_chosen_with_keys(shown: Open) -> None:
    """Tab and Space take a series away, arrows choose a cost, and a row of the table opens its point's figures."""
    page = shown(points=many())
    page.get_by_label("head_pruning", exact=True).focus()
    with_series = page.locator(".landscape-chart svg path").count()
    page.keyboard.press("Space")
    without = page.locator(".landscape-chart svg path").count()
    page.get_by_label("Cost", exact=True).focus()
    page.keyboard.press("ArrowUp")
    page.get_by_role("button", name="low_rank 0.55").focus()

    assert without < with_series
    expect(page.locator(".landscape-chart svg")).not_to_contain_text("Wall-clock relative")
    expect(page.locator(".landscape-tooltip strong")).to_have_text("low_rank 0.55")
    expect(page.locator(".landscape-tooltip")).to_contain_text("Accuracy (digit)")


def test_the_table_has_every_figure(shown: Open) -> None:
    """Each point has a row, also one that failed, with its reason; each measure has a column and a protocol."""
    points = many()
    page, report = shown(points=points), assemble(points)

    expect(page.locator("tbody tr")).to_have_count(len(report.points))
    expect(page.locator("thead th")).to_have_count(3 + len(report.measures))
    expect(page.locator("tbody tr", has_text="low_rank 0.99")).to_contain_text("failed: The rank does not pay.")
    expect(page.locator("dd").first).to_have_text(report.measures[0].protocol)


def test_a_later_report_keeps_what_was_chosen(shown: Open) -> None:
    """Drawn again while points come in, the page has the new points on the axes that were chosen before."""
    page = shown(points=LANDSCAPES["under way"])
    page.get_by_label("Cost", exact=True).select_option("Parameters")
    later = json.loads(json.dumps(assemble(many()).to_json()))
    page.evaluate("(report) => drawLandscape(document.getElementById('landscape'), report)", later)

    expect(page.get_by_label("Cost", exact=True).locator("option:checked")).to_have_text("Parameters")
    expect(page.locator("tbody tr")).to_have_count(len(later["points"]))
    expect(page.locator(".landscape-chart svg")).to_have_count(1)


def test_before_any_point_ends_the_page_says_so(shown: Open) -> None:
    """Without figures there is no chart, and the points are listed as they stand."""
    page = shown(points=[pending("a"), failed("b")])

    expect(page.get_by_text("No point has figures yet.")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(3)

"""What a landscape leaves on disk."""

import csv
import hashlib
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from made_reports import ended, failed, probe

from jobs.contract.landscape import LandscapeReport
from jobs.landscape.assemble import assemble
from jobs.landscape.files import CSV, HTML, JSON, write_files
from jobs.landscape.html import LIBRARY, PAGE, to_html
from jobs.landscape.table import to_csv

ECHARTS_6_1_0 = "61f13280aba3161f77fc801bf5f9c786f55f10432153a0683fc5cc0700b013d5"
"""Of dist/echarts.common.min.js in the package that the Apache ECharts project publishes as echarts 6.1.0."""


def landscape(*names: str) -> LandscapeReport:
    """Return a landscape of points with these names, and one that failed."""
    return assemble([*(ended(name, name, params=0.5, quality=[probe(0.8)]) for name in names), failed("bad")])


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    """Written twice, each file is one file, and the JSON is the report."""
    folders = tmp_path / "a", tmp_path / "b"
    for each in folders:
        each.mkdir()
        write_files(landscape("heads"), each)
    first, second = ({file.name: file.read_bytes() for file in each.iterdir()} for each in folders)

    assert first == second
    assert set(first) >= {JSON, CSV, HTML}
    assert json.loads(first[JSON]) == json.loads(json.dumps(landscape("heads").to_json()))


def test_a_table_has_a_row_a_point_and_a_column_a_figure() -> None:
    """Figures come back as they were, the ends of an interval beside them; what was not measured is empty."""
    rows = {row["name"]: row for row in csv.DictReader(StringIO(to_csv(landscape("heads")), newline=""))}

    assert list(rows) == ["dense", "heads", "bad"]
    assert float(rows["heads"]["classification_digit"]) == 0.8
    assert float(rows["heads"]["classification_digit_low"]) == pytest.approx(0.78)
    assert rows["bad"]["params_total"] == ""
    assert rows["bad"]["error"] == "invalid_request: The rank does not pay."


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_is_a_formula(name: str) -> None:
    """A name that a spreadsheet would run is text in it."""
    rows = list(csv.reader(StringIO(to_csv(landscape(name)), newline="")))

    assert rows[2][0] == f"'{name}"


@pytest.mark.parametrize("name", ['a "quoted", name', "two\r\nlines"])
def test_a_cell_may_hold_anything(name: str) -> None:
    """Commas, quotes and line ends come back as they were."""
    rows = list(csv.reader(StringIO(to_csv(landscape(name)), newline="")))

    assert rows[2][0] == name


def test_no_name_ends_the_script_that_holds_it() -> None:
    """What a caller calls a point cannot close or comment out an element of the page."""
    name = "</script><!--<script>alert(1)</script>\u2028"
    page = to_html(landscape(name))
    (document,) = re.findall(r'<script type="application/json" id="report">(.*?)</script>', page, re.DOTALL)

    assert "<" not in document
    assert json.loads(document)["points"][1]["name"] == name


def test_the_page_names_nothing_to_load() -> None:
    """No element of the page points elsewhere, and its policy lets only its own scripts run."""
    page = to_html(landscape("heads"))
    own = page.replace((PAGE / LIBRARY).read_text(), "")

    assert not re.search(r"""(?:src|href)\s*=|url\(|@import|fetch\(|\beval\b|innerHTML""", own)
    assert "default-src 'none'" in own
    assert "unsafe" not in own


def test_the_chart_library_is_the_published_one() -> None:
    """The file is that of the release, with its licence beside it, and asks for no evaluation of strings."""
    library = (PAGE / LIBRARY).read_bytes()

    assert hashlib.sha256(library).hexdigest() == ECHARTS_6_1_0
    assert not re.search(rb"\beval\(|new Function|<!--|</script", library)
    assert "Apache License" in (PAGE / "LICENSE.md").read_text()

"""Reports in notebooks and as data frames."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from modelpress import Report

FIGURES = {"params_total": 100, "bytes_stored": 400, "inputs": [{"input": {"tokens": 8}, "macs_executed": 10}]}
COMPRESSION = Report(
    {"dense": FIGURES, "compressed": FIGURES | {"params_total": 50}, "warnings": ["<b> is not &, says the model"]}
)
PROFILE = Report({"profile": FIGURES})
LANDSCAPE = Report(
    {
        "points": [
            {"name": "heads 0.5", "state": "succeeded", "values": {"params_total": 50.0, "karma": 2.5}},
            {"name": "heads 0.7", "state": "hibernating", "values": {}},
        ],
        "answers": ["Half of the heads can go."],
    }
)


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Put a pandas in place that notes what frames are made of."""
    made: list[dict[str, Any]] = []
    pandas = SimpleNamespace(DataFrame=lambda rows, index: made.append(dict(zip(index, rows, strict=True))))
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    return made


def test_a_notebook_shows_a_table_and_what_is_to_be_said() -> None:
    """Figures are cells, remarks a list, and nothing of the service's words is taken for HTML."""
    shown = COMPRESSION._repr_html_()

    assert "<th>dense</th><th>compressed</th><th>kept</th>" in shown
    assert "<td>100</td><td>50</td><td>50.0%</td>" in shown
    assert "<li>Warning: &lt;b&gt; is not &amp;, says the model</li>" in shown
    assert "<b>" not in shown


@pytest.mark.parametrize("report", [COMPRESSION, PROFILE, LANDSCAPE], ids=["compression", "profile", "landscape"])
def test_each_figure_of_the_text_is_in_the_notebook(report: Report) -> None:
    """Both forms are made of the same rows."""
    shown = report._repr_html_()

    assert all(row[0] in str(report) and f">{row[0]}</th>" in shown for row in report._rows())


def test_a_report_becomes_a_frame_of_numbers(frames: list[dict[str, Any]]) -> None:
    """Counts stay whole, and what is kept is a share."""
    COMPRESSION.to_dataframe()

    assert frames[0]["parameters"] == {"dense": 100, "compressed": 50, "kept": 0.5}
    assert frames[0]["MACs executed, 1 × 8 tokens"] == {"dense": 10, "compressed": 10, "kept": 1.0}


def test_a_profile_becomes_one_column(frames: list[dict[str, Any]]) -> None:
    """There is one model, and nothing to compare it with."""
    PROFILE.to_dataframe()

    assert frames[0]["parameters"] == {"value": 100}


def test_a_landscape_becomes_a_row_for_each_point(frames: list[dict[str, Any]]) -> None:
    """Values that the client does not know have their columns too."""
    LANDSCAPE.to_dataframe()

    assert frames[0] == {
        "heads 0.5": {"state": "succeeded", "params_total": 50.0, "karma": 2.5},
        "heads 0.7": {"state": "hibernating"},
    }


def test_without_pandas_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client does without, and so the message names the package."""
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(ImportError, match="pip install pandas"):
        COMPRESSION.to_dataframe()

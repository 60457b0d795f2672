"""Putting a landscape together on disk."""

from pathlib import Path

import pytest
from made_reports import ended, failed

from jobs import comparing
from jobs.contract.errors import NoPointSucceededError


def test_a_landscape_leaves_its_report_table_page_and_pictures(tmp_path: Path) -> None:
    """Every file that readers want is there, and says what the report says."""
    report = comparing.run([ended("heads", "head_pruning", params=0.5), failed("bad")], tmp_path)

    assert {each.name for each in tmp_path.iterdir()} == {
        f"landscape.{kind}" for kind in ("json", "csv", "html", "png", "svg")
    }
    assert report.answers[0] in (tmp_path / "landscape.json").read_text()


def test_without_any_result_there_is_no_landscape(tmp_path: Path) -> None:
    """Where all points failed, the first one's reason is told and nothing is left behind."""
    with pytest.raises(NoPointSucceededError, match="bad: The rank does not pay"):
        comparing.run([failed("bad")], tmp_path)

    assert list(tmp_path.iterdir()) == []

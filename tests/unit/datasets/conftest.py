"""An empty folder for data."""

from pathlib import Path

import pytest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return an empty folder for data."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder

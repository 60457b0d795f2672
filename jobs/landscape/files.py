"""A landscape on disk: the report, its table, and a page that opens anywhere."""

import json
from pathlib import Path

from jobs.contract.landscape import LandscapeReport
from jobs.landscape.html import to_html
from jobs.landscape.table import to_csv

JSON, CSV, HTML = "landscape.json", "landscape.csv", "landscape.html"


def write_files(report: LandscapeReport, folder: Path) -> None:
    """Write *report* into *folder* as JSON, CSV and a self-contained page: the same report, the same bytes."""
    document = json.dumps(report.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / JSON).write_text(document + "\n", encoding="utf-8")
    (folder / CSV).write_text(to_csv(report), encoding="utf-8", newline="")
    (folder / HTML).write_text(to_html(report), encoding="utf-8")

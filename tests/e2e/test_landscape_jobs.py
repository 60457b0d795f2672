"""Landscapes over HTTP: many compressions as one job, compared and charted."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from http_calls import QUICK, Json
from modelpress import JobFailedError, ModelPress

GRID: Json = {"techniques": ["head_pruning", "weight_pruning"], "removed": [0.5]}


def test_a_landscape_compares_its_points(
    press: ModelPress, model_uris: Mapping[str, str], data_uris: Mapping[str, str], tmp_path: Path
) -> None:
    """Every point is a job of its own; the report compares them, one that fails does not cost the others."""
    asked: Json = {"model": model_uris["bert"], "data": data_uris["bert"], "profile": QUICK, "labels": {"of": "one"}}
    asked |= {"controls": {"first_layers": [0.5]}}
    impossible = {"steps": [{"technique": "distillation", "layers_kept": 99, "steps": 0}], "name": "too deep"}
    landscape = press.landscape(**asked, grid=GRID, points=[impossible]).wait(timeout=300)
    report = landscape.report()
    points = {point.name: point for point in report.points}

    assert (report.schema, report.complete) == ("modelpress/landscape/v1", True)
    assert [point.state for point in report.points].count("failed") == 1
    assert points["too deep"].error.code == "not_applicable"
    heads = points["head_pruning heads_removed=0.5"]
    alone = press.job(heads.job)
    assert alone.record.parent == landscape.id
    assert heads["values"].params_total == alone.report().compressed.params_total

    folder = landscape.download(tmp_path / "charts")
    rows = list(csv.DictReader((folder / "landscape.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == [point.name for point in report.points]
    assert json.loads((folder / "landscape.json").read_text()) == report.to_json()
    assert {path.suffix for path in folder.iterdir()} == {".json", ".csv", ".html", ".png", ".svg"}

    more = press.landscape(**asked, grid={**GRID, "removed": [0.5, 0.25]}).wait(timeout=300)
    reused = {point.name for point in more.report().points if point.reused}
    assert reused == {
        "head_pruning heads_removed=0.5",
        "weight_pruning sparsity=0.5 criterion=sparsegpt",
        "first_layers layers_removed=0.5",
    }


def test_a_landscape_in_which_nothing_succeeds_fails(press: ModelPress, model_uris: Mapping[str, str]) -> None:
    """There is nothing to compare, and the error names the first point and its reason."""
    impossible = {"steps": [{"technique": "distillation", "layers_kept": 99, "steps": 0}], "name": "too deep"}
    job = press.landscape(model=model_uris["bert"], points=[impossible], profile=QUICK).wait(timeout=200)

    with pytest.raises(JobFailedError, match="too deep") as caught:
        job.report()
    assert caught.value.code == "no_point_succeeded"
    assert [point.state for point in job.so_far().points][-1] == "failed"

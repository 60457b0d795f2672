"""A plan over HTTP: the same request, first planned and then compressed."""

from collections.abc import Mapping
from pathlib import Path

from http_calls import HEADS, QUICK, Json
from modelpress import ModelPress

FIGURES = ("params_total", "params_encoder", "bytes_stored")


def test_a_plan_foretells_the_report(
    press: ModelPress, model_uris: Mapping[str, str], data_uris: Mapping[str, str], tmp_path: Path
) -> None:
    """Parameters, bytes and MACs come out as the plan says, which has no files and is found by its kind."""
    asked: Json = {"model": model_uris["bert"], "data": data_uris["bert"], "profile": QUICK, "labels": {"of": "plans"}}
    asked |= {"steps": [HEADS, {"technique": "low_rank", "energy": 0.8}], "recovery": {"steps": 2}}
    jobs = press.plan(**asked), press.compress(**asked)
    plan, report = (job.wait(timeout=200).report() for job in jobs)

    assert [job.record.kind for job in jobs] == ["plan", "compression"]
    assert (plan.schema, plan.exact, plan.door) == ("modelpress/plan/v1", True, report.door)
    for side in ("dense", "compressed"):
        assert [plan[side][figure] for figure in FIGURES] == [report[side][figure] for figure in FIGURES]
        assert plan[side].inputs[0].macs_executed == report[side].inputs[0].macs_executed
    assert plan.compressed.params_total < plan.dense.params_total
    assert [each.id for each in press.jobs(kind="plan", label="of=plans")] == [jobs[0].id]
    assert jobs[0].artifacts().files == ()
    assert [path.name for path in jobs[0].download(tmp_path / "none").iterdir()] in ([], ["manifest.json"])

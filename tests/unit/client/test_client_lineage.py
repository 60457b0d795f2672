"""What is told of a result elsewhere: where it comes from, and its figures by name."""

from typing import Any

from made_reports import child, probe
from modelpress.lineage import Result

JOB = {"id": "job_1", "request": {}}
STEPS = [{"technique": "head_pruning"}, {"technique": "low_rank"}]
MANIFEST: dict[str, Any] = {
    "source": {"uri": "hf://org/name@main", "revision": "c0ffee", "sha256": None},
    "request_sha256": "ab" * 32,
}


def result(**figures: Any) -> Result:
    """Return a compression with made-up figures."""
    return Result(JOB, child(**figures) | {"steps": STEPS}, MANIFEST)


def test_lineage_leads_to_source_request_and_job() -> None:
    """Source, its revision, the request's hash, job and techniques are tags; what is unknown is none."""
    assert result().lineage == {
        "modelpress.job": "job_1",
        "modelpress.source_uri": "hf://org/name@main",
        "modelpress.source_revision": "c0ffee",
        "modelpress.request_sha256": "ab" * 32,
        "modelpress.techniques": "head_pruning, low_rank",
    }


def test_figures_have_the_names_of_the_report() -> None:
    """A figure is called by its place in the report, the shape of its input, its probe and label."""
    figures = result(params=0.5, time=0.5, quality=[probe(0.8)]).figures

    assert figures["compressed.params_total"] == figures["dense.params_total"] / 2
    assert figures["speedup.1_x_128_tokens.ratio"] == 2
    assert figures["dense.inputs.1_x_128_tokens.latency_ms.p50"] == 40
    assert figures["quality.classification.digit.compressed.value"] == 0.8


def test_versions_bear_the_figures_to_choose_by() -> None:
    """Sizes, fidelity and speed-up are tags, without trailing digits."""
    tags = result(params=0.5, time=0.5, cosine=0.9).headlines

    assert tags["modelpress.params_total"] == "10000000"
    assert tags["modelpress.params_total_dense"] == "20000000"
    assert (tags["modelpress.fidelity"], tags["modelpress.speedup.1_x_128_tokens"]) == ("0.9", "2")


def test_what_was_not_measured_is_no_figure() -> None:
    """A model that was not timed has neither speed-up nor latency, and no tag says None."""
    told = result(timed=False)

    assert not any("speedup" in name or "latency" in name for name in [*told.figures, *told.headlines])

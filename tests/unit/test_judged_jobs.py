"""Jobs whose result is judged on labelled data."""

from pathlib import Path
from typing import Any

import pytest

from jobs import measuring, pipeline, planning
from jobs.contract.errors import DataUnreadableError, InvalidRequestError
from jobs.contract.report import Report
from jobs.contract.spec import CompressionSpec
from tests.e2e.tiny_folders import write_model, write_tones
from tests.unit.test_pipeline import Stages

Json = dict[str, Any]
URI = "file:///labelled"
DIGITS: Json = {"probe": "classification", "data": {"uri": URI}, "label": "pitch", "seeds": 2}
INPUTS: dict[str, Json] = {"bert": {"kind": "text", "tokens": 8}, "hubert": {"kind": "audio", "seconds": 0.1}}


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """Return a folder of high and low tones, with a table that says which is which."""
    return write_tones(tmp_path / "tones")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Return a folder of pairs of sentences with a score."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    lines = ["score\tsentence1\tsentence2"]
    for place in range(20):
        other = "a quick fox" if place % 5 > 2 else "a slow red fox"
        lines.append(f"{place % 5}	a quick fox {place}	{other}")
    (folder / "pairs.tsv").write_text("\n".join(lines))
    return folder


def judged(tmp_path: Path, labelled: Path, probes: list[Json], family: str = "hubert", **request: Any) -> Report:
    """Return the report of a small job on a tiny model with *probes* on the folder *labelled*."""
    folders = pipeline.Folders(tmp_path / "model", tmp_path / "out", labelled, labelled={URI: labelled})
    folders.source.mkdir()
    folders.out.mkdir()
    write_model(family, folders.source)
    wanted = {
        "model": {"uri": "file:///model"},
        "steps": [{"technique": "ffn_pruning", "units_removed": 0.5}],
        "profile": {"inputs": [INPUTS[family]], "repeats": 1},
        "evaluate": probes,
    }
    return pipeline.run(CompressionSpec.from_json(wanted | request), folders, Stages())


def test_a_report_has_every_probe_before_and_after(tmp_path: Path, tones: Path) -> None:
    """Each probe is in the report in its order, of the dense model and of the result, and says how it was measured."""
    probes = [
        {"probe": "fidelity"},
        DIGITS,
        {**DIGITS, "layer": "weighted"},
        {"probe": "regression", "data": {"uri": URI}, "label": "hertz", "seeds": [3]},
        {"probe": "phones", "data": {"uri": URI}, "seeds": 1},
    ]
    report = judged(tmp_path, tones, probes)
    first, weighted, regression, phones = report.quality

    assert (first.probe, first.label, first.metric, first.better, first.seeds) == (
        *("classification", "pitch", "accuracy", "higher"),
        (0, 1),
    )
    assert (first.dense.value, first.dense.samples) == (1, 6)  # two tones are easy to tell apart
    assert first.before_recovery is first.control is None
    assert "weighted sum of all layers" in weighted.protocol
    assert (regression.metric, regression.seeds) == ("r2", (3,))
    assert regression.dense.value > 0.9
    assert (phones.metric, phones.better, phones.dense.samples) == ("phone_error_rate", "lower", 6)
    assert "CTC" in phones.protocol
    assert [(each.layer, each.of) for each in report.fidelity.layers] == [(0, 0), (1, 1)]


def test_every_state_of_the_model_is_judged(tmp_path: Path, tones: Path) -> None:
    """With a recovery and its control there are four scores of each probe, on the same samples."""
    recovery = {"steps": 2, "control": True}
    [probe] = judged(tmp_path, tones, [DIGITS], data={"uri": URI}, recovery=recovery).quality

    assert probe.before_recovery is not None
    assert probe.control is not None
    scores = (probe.dense, probe.before_recovery, probe.compressed, probe.control)
    assert {each.samples for each in scores} == {6}


def test_layers_of_a_student_are_held_against_those_they_were(tmp_path: Path, tones: Path) -> None:
    """Of a student that keeps the upper layer alone, that one is compared with the upper one of the dense model."""
    steps = [{"technique": "distillation", "layers_kept": [1], "steps": 0}]
    report = judged(tmp_path, tones, [], steps=steps, data={"uri": URI})

    assert [(each.layer, each.of) for each in report.fidelity.layers] == [(0, 1)]
    assert report.fidelity.layers[0].cosine == pytest.approx(report.fidelity.cosine)


def test_pairs_of_texts_are_ranked(tmp_path: Path, pairs: Path) -> None:
    """The similarity of sentences is compared with their scores, without a fit or a seed."""
    probe = {"probe": "similarity", "data": {"uri": URI}}
    [found] = judged(tmp_path, pairs, [probe], "bert").quality

    assert (found.probe, found.label, found.metric, found.seeds) == ("similarity", "score", "spearman", ())
    assert found.dense.low < found.dense.value < found.dense.high
    assert found.dense.samples == 20


def test_a_probe_for_another_kind_of_model_is_refused_first(tmp_path: Path, tones: Path) -> None:
    """Pairs of texts cannot judge a speech model: the message says which models it is for."""
    probe = {"probe": "similarity", "data": {"uri": URI}}

    with pytest.raises(InvalidRequestError, match="a model of text for the probe 'similarity'; this one takes audio"):
        judged(tmp_path, tones, [probe])


def test_labels_are_looked_at_before_the_work(tmp_path: Path, tones: Path) -> None:
    """A column that is not there ends the job before anything is compressed."""
    with pytest.raises(DataUnreadableError, match="a column 'colour' in line 2 of"):
        judged(tmp_path, tones, [{**DIGITS, "label": "colour"}])


def test_a_plan_needs_no_labels(tmp_path: Path) -> None:
    """A dry run takes the same request and leaves its probes out: nothing of their data is fetched for it."""
    folders = pipeline.Folders(tmp_path / "model", tmp_path / "out")
    folders.source.mkdir()
    folders.out.mkdir()
    write_model("hubert", folders.source)
    request = {"model": {"uri": "file:///m"}, "steps": [{"technique": "ffn_pruning", "units_removed": 0.5}]}
    profile = {"inputs": [INPUTS["hubert"]]}
    spec = CompressionSpec.from_json({**request, "profile": profile, "evaluate": [DIGITS]})

    assert planning.run(spec, folders, Stages()).exact


def test_a_model_is_judged_as_it_is(tmp_path: Path, tones: Path) -> None:
    """A profile takes probes too, and has one score of each."""
    write_model("hubert", tmp_path)
    folders = pipeline.Folders(tmp_path, tmp_path / "out", labelled={URI: tones})
    profile = {"inputs": [INPUTS["hubert"]], "repeats": 1}
    spec = CompressionSpec.from_json({"model": {"uri": "file:///m"}, "profile": profile, "evaluate": [DIGITS]})

    [found] = measuring.run(spec, folders, Stages()).quality

    assert (found.probe, found.label, found.score.value, found.score.samples) == ("classification", "pitch", 1, 6)

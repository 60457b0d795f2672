"""Results judged on the caller's own labels, over the whole stack."""

from collections.abc import Mapping
from pathlib import Path

from modelpress import ModelPress
from tiny_folders import write_tones


def test_a_result_is_judged_on_labels_that_were_uploaded(
    press: ModelPress, model_folders: Mapping[str, Path], tmp_path: Path
) -> None:
    """Labels in the data's own folder and in another one are both found; report, table and card have the scores."""
    tones, others = write_tones(tmp_path / "tones"), write_tones(tmp_path / "others", 40)
    job = press.compress(
        model=model_folders["hubert"],
        steps=[{"technique": "ffn_pruning", "units_removed": 0.5}],
        data=tones,
        evaluate=[
            {"probe": "classification", "data": tones, "label": "pitch"},
            {"probe": "regression", "data": {"uri": others, "samples": 32}, "label": "hertz", "seeds": 1},
        ],
        profile={"inputs": [{"kind": "audio", "seconds": 0.1}], "repeats": 1},
    )
    folder = job.wait(timeout=200).download(tmp_path / "result")

    report = job.report()
    assert [each.dense.samples for each in report.quality] == [6, 8]
    assert report.quality[0].dense.value == 1
    assert len(report.fidelity.layers) == 2
    assert "Classification of pitch, accuracy: 1.000" in str(report)
    assert "| classification of `pitch`, accuracy | 1.000" in (folder / "README.md").read_text()


def test_a_label_that_is_not_there_ends_the_job_with_what_is(
    press: ModelPress, model_folders: Mapping[str, Path], tmp_path: Path
) -> None:
    """Only a worker can look into the data: the job fails before the work, and says which columns there are."""
    tones = write_tones(tmp_path / "tones")
    job = press.profile(
        model=model_folders["hubert"], evaluate=[{"probe": "classification", "data": tones, "label": "colour"}]
    ).wait(timeout=200)

    assert job.state == "failed"
    assert (job.error.code, job.error.stage) == ("data_unreadable", "load")
    assert "it has file_name, pitch, hertz, phones" in job.error.message

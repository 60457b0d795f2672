"""The whole way from a request and local folders to a result, where the model or the data is hardly usable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from transformers import PreTrainedModel

from jobs import pipeline
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.soundness import check_result
from jobs.contract.errors import CorruptCheckpointError, InvalidRequestError, NothingChangedError, VerificationError
from jobs.contract.report import Report
from jobs.contract.spec import CompressionSpec
from tests.e2e.tiny_folders import write_data, write_model
from tests.tiny import tiny, tiny_batch

Json = dict[str, Any]
HEADS: Json = {"technique": "head_pruning", "heads_removed": 0.5}
ON_DATA: list[Json] = [
    HEADS,
    {"technique": "ffn_pruning", "units_removed": 0.5},
    {"technique": "low_rank", "rank_ratio": 0.7, "weighting": "activation"},
    {"technique": "weight_pruning", "criterion": "sparsegpt"},
]
"""A step of every technique that learns without training."""
INPUTS: dict[str, Json] = {
    "bert": {"kind": "text", "tokens": 8},
    "hubert": {"kind": "audio", "seconds": 0.1},
    "vit": {"kind": "image"},
}


class Stages:
    """Remembers how far a job came."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, stage: str, step: int, steps: int, message: str = "") -> None:
        """Note the stage."""
        self.seen.append(stage)


@pytest.fixture
def folders(tmp_path: Path) -> pipeline.Folders:
    """Return empty folders for a model, its data and the result."""
    found = pipeline.Folders(tmp_path / "model", tmp_path / "out", tmp_path / "data")
    for folder in (found.source, found.out, found.data):
        assert folder is not None
        folder.mkdir()
    return found


def run(folders: pipeline.Folders, family: str = "bert", stages: Stages | None = None, **request: Any) -> Report:
    """Run a request on the model and the data that lie in *folders*."""
    wanted = {"model": {"uri": "file:///model"}, "profile": {"inputs": [INPUTS[family]], "repeats": 1}}
    wanted |= {"steps": [HEADS]} if "target" not in request else {}
    return pipeline.run(CompressionSpec.from_json(wanted | request), folders, stages or Stages())


def spoilt(spoil: Callable[[PreTrainedModel], object], folder: Path) -> None:
    """Write a tiny BERT after *spoil* has had it."""
    model = tiny("bert")
    with torch.no_grad():
        spoil(model)
    model.save_pretrained(folder)


def test_a_config_that_loads_but_cannot_compute_is_refused_first(folders: pipeline.Folders) -> None:
    """The weights fit, the first forward pass fails: the message says what the pass says."""
    model = write_model("hubert", folders.source)
    config = model / "config.json"
    config.write_text(config.read_text().replace('"conv_stride": [\n    5,', '"conv_stride": [\n    0,'))
    stages = Stages()

    with pytest.raises(CorruptCheckpointError, match=r"cannot compute a short input: .*stride.* config that belongs"):
        run(folders, "hubert", stages)
    assert set(stages.seen) == {"load"}


def test_weights_that_overflow_are_refused_first(folders: pipeline.Folders) -> None:
    """Every weight is a number, but what comes out is none."""
    spoilt(lambda model: model.encoder.layer[1].output.LayerNorm.weight.fill_(3e38), folders.source)

    with pytest.raises(CorruptCheckpointError, match="last_hidden_state of a short input holds NaN or infinity"):
        run(folders)


def test_a_result_that_is_no_number_is_never_published() -> None:
    """Whatever a step did, a model that only gives NaN is a failure that names the step."""
    model = tiny("bert")
    model.encoder.layer[0].attention.output.dense.weight.data[0, 0] = float("nan")

    with pytest.raises(VerificationError, match=r"after head_pruning the model's last_hidden_state .* not published"):
        check_result(model, tiny_batch("bert"), "head_pruning")


def test_an_input_that_the_model_cannot_take_is_refused_before_the_work(folders: pipeline.Folders) -> None:
    """What would be measured last is looked at first."""
    write_model("bert", folders.source)
    stages = Stages()

    with pytest.raises(InvalidRequestError, match="at most 40 tokens, the model's positions; got 41"):
        run(folders, stages=stages, profile={"inputs": [{"kind": "text", "tokens": 41}]})
    assert set(stages.seen) == {"load"}


def test_a_model_of_few_positions_is_proven_on_what_it_takes(folders: pipeline.Folders) -> None:
    """The short inputs of our own are never longer than the model's."""
    tiny("bert", max_position_embeddings=10).save_pretrained(folders.source)

    assert run(folders).fidelity.samples == 1


def test_fidelity_is_measured_once_where_nothing_is_recovered(folders: pipeline.Folders) -> None:
    """Without recovery there is one state to judge, and no figure of an earlier one."""
    write_model("bert", folders.source)
    stages = Stages()

    report = run(folders, stages=stages)

    assert stages.seen.count("evaluate") == 1
    assert report.fidelity_before_recovery is None


def test_one_long_text_is_enough_to_learn_from(folders: pipeline.Folders) -> None:
    """A single sample, longer than the model's positions, is cut, learnt from, and judged by; the report says so."""
    write_model("bert", folders.source)
    assert folders.data is not None
    (folders.data / "a.txt").write_text("a quick fox " * 50)
    report = run(folders, steps=ON_DATA, data={"uri": "file:///data"})

    assert (report.fidelity.source, report.fidelity.samples) == ("calibration", 1)
    assert 0 < report.fidelity.cosine < 1


def test_a_vision_model_learns_from_images(folders: pipeline.Folders) -> None:
    """Scores, refits and the judgement come from a folder of images, and what makes images into input is handed on."""
    write_model("vit", folders.source)
    assert folders.data is not None
    folders.data.rmdir()
    write_data("vit", folders.data)

    report = run(folders, "vit", steps=ON_DATA, data={"uri": "file:///data"})

    assert report.fidelity.source == "held_out"
    assert 0 < report.fidelity.cosine < 1
    assert (folders.out / "preprocessor_config.json").is_file()


def test_silence_is_data_like_any_other(folders: pipeline.Folders) -> None:
    """Recordings without sound, whose covariances have hardly any rank, still give a finite model."""
    write_model("hubert", folders.source)
    assert folders.data is not None
    for number in range(3):
        soundfile.write(folders.data / f"{number}.wav", torch.zeros(3200).numpy(), 16_000)
    report = run(folders, "hubert", steps=ON_DATA, data={"uri": "file:///data"})

    assert report.fidelity.cosine > 0
    assert all(bool(each.isfinite().all()) for each in load_model(folders.out).parameters())


def test_tied_embeddings_stay_tied(folders: pipeline.Folders) -> None:
    """A head that shares its matrix with the embeddings still does so in the result, which stores it once."""
    tiny("bert", head="ForMaskedLM").save_pretrained(folders.source)
    run(folders, steps=[HEADS, {"technique": "weight_pruning", "sparsity": 0.5}])
    model = load_model(folders.out)

    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_a_target_with_data_is_one_step_of_the_report(folders: pipeline.Folders) -> None:
    """What was asked for, kept, predicted and achieved stands in one place, and the result is within the budget."""
    write_model("hubert", folders.source)
    assert folders.data is not None
    for number in range(4):
        noise = torch.randn(3200, generator=torch.Generator().manual_seed(number)) / 10
        soundfile.write(folders.data / f"{number}.wav", noise.numpy(), 16_000)
    target = {"metric": "params", "ratio": 0.6, "scope": "encoder"}

    report = run(folders, "hubert", target=target, data={"uri": "file:///data"})

    [step] = report.steps
    assert (step.technique, step.requested) == ("target", target)
    assert step.achieved["achieved"] == step.achieved["predicted"] == report.compressed.params_encoder
    assert report.compressed.params_encoder <= 0.6 * report.dense.params_encoder


@pytest.mark.parametrize("target", [{"metric": "params", "ratio": 1.0}, {"metric": "macs", "ratio": 1.0}])
def test_a_target_of_everything_changes_nothing_and_says_so(folders: pipeline.Folders, target: Json) -> None:
    """Keeping all is met by doing nothing, which nobody needs a job for."""
    write_model("bert", folders.source)

    with pytest.raises(NothingChangedError):
        run(folders, target=target)


@pytest.mark.parametrize(
    "step",
    [
        {"technique": "head_pruning", "heads_kept": 0},
        {"technique": "head_pruning", "heads_removed": 1.0},
        {"technique": "ffn_pruning", "units_kept": 0},
        {"technique": "ffn_pruning", "units_removed": 1.0},
        {"technique": "low_rank", "rank_ratio": 0},
        {"technique": "weight_pruning", "sparsity": 1.0},
    ],
)
def test_nothing_is_cut_down_to_nothing(folders: pipeline.Folders, step: Json) -> None:
    """All heads, all units or all weights cannot be asked away."""
    write_model("bert", folders.source)

    with pytest.raises(InvalidRequestError, match="expected"):
        run(folders, steps=[step])


def test_a_share_of_heads_never_rounds_to_all(folders: pipeline.Folders) -> None:
    """However close to all is asked for, each layer keeps a head, and the report says what was reached."""
    write_model("bert", folders.source)
    report = run(folders, steps=[{"technique": "head_pruning", "heads_removed": 0.99}])

    assert report.steps[0].achieved["heads_removed"] == 0.75

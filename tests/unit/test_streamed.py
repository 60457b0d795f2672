"""A job that goes by layers gives what the job in memory gives, and jobs that cannot go so are told apart."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from modelpress.loading import verify

from jobs import pipeline, planning
from jobs.checkpoint.verification import check_reload
from jobs.contract.errors import CancelledError, CorruptCheckpointError, NothingChangedError
from jobs.contract.report import Profile
from jobs.contract.spec import CompressionSpec
from jobs.streamed import StreamedJob
from tests.laws.test_every_stream import ALONE, CUTS, others, weights
from tests.tiny import FAMILIES, tiny
from tests.unit.test_pipeline import Json, Stages

STEPS: list[Json] = [step.to_json() for step in CUTS]
FEWER: list[Json] = [{"technique": "distillation", "layers_kept": [1], "steps": 0}, *STEPS[1:2]]
SECONDS = {"audio": {"kind": "audio", "seconds": 0.1}, "text": {"kind": "text", "tokens": 8, "batch_size": 2}}
LONG = ("hubert", "wav2vec2", "data2vec-audio", "unispeech-sat", "melhubert", "wav2vec2-bert")
"""Families whose typical input is ten seconds, at which their tiny models compute long."""

HEADER_BYTES = 20_000
"""More than the headers of all files of a tiny model."""


def request(*, steps: Sequence[Json] = STEPS, kind: str = "", **more: Any) -> CompressionSpec:
    """Return a request, profiled on one quick input of that kind, or on a typical one."""
    profile = {"inputs": [SECONDS[kind]] if kind in SECONDS else [], "repeats": 1}
    wanted = {"model": {"uri": "file:///model"}, "profile": profile} | ({} if "target" in more else {"steps": steps})
    return CompressionSpec.from_json(wanted | more)


def folders(tmp_path: Path, out: str = "out") -> pipeline.Folders:
    """Return the source's folder and an empty one for the result."""
    (tmp_path / out).mkdir(parents=True)
    return pipeline.Folders(tmp_path / "source", tmp_path / out, origin={"uri": "file:///model"})


def loaded(spec: CompressionSpec, where: pipeline.Folders, progress: Any = None, *, above: int = 0) -> StreamedJob:
    """Return the job, which goes by layers."""
    job = StreamedJob.load(spec, where, progress or Stages(), above=above)
    assert job is not None
    return job


def untimed(profile: Profile) -> Profile:
    """Return *profile* without what takes a model in memory to measure, or hangs on how files are split."""
    inputs = tuple(replace(each, latency_ms=None, real_time_factor=None) for each in profile.inputs)
    return replace(profile, inputs=inputs, bytes_stored=0)


def everything(folder: Path) -> Json:
    """Return all files beside the weights that hold no times."""
    found = others(folder)
    for step in found["compression.json"]["steps"]:
        step["seconds"] = 0
    return {name: content for name, content in found.items() if name != "README.md"}


def check_same(spec: CompressionSpec, tmp_path: Path) -> None:
    """Compare a job in memory with the same by layers: weights, files and report."""
    wanted = pipeline.run(spec, folders(tmp_path, "memory"), Stages())
    found = loaded(spec, folders(tmp_path, "stream")).run()
    kept, streamed = weights(tmp_path / "memory"), weights(tmp_path / "stream")

    assert kept.keys() == streamed.keys()
    assert [name for name in kept if not torch.equal(kept[name], streamed[name])] == []
    assert everything(tmp_path / "memory") == everything(tmp_path / "stream")
    assert untimed(found.dense) == untimed(wanted.dense)
    assert untimed(found.compressed) == untimed(wanted.compressed)
    assert found.dense.bytes_stored == wanted.dense.bytes_stored
    assert abs(found.compressed.bytes_stored - wanted.compressed.bytes_stored) < HEADER_BYTES
    assert (found.fidelity, found.door) == (replace(wanted.fidelity, layers=()), wanted.door)
    assert found.model == wanted.model
    assert found.warnings[0] == wanted.warnings[0]
    assert found.speedup == ()
    check_reload(tmp_path / "stream")


def cases() -> list[Any]:
    """Return every family that can go by layers, with a head where one is tied or reads hidden states."""
    heads = {"bert": "ForMaskedLM", "gpt2": "LMHeadModel", "hubert": "ForCTC", "vit": "ForImageClassification"}
    heads |= {"opt": "ForCausalLM", "gemma": "ForCausalLM", "llama": "ForCausalLM", "deberta-v2": "ForMaskedLM"}
    heads |= {"modernbert": "ForMaskedLM", "distilbert": "ForMaskedLM", "electra": "ForMaskedLM"}
    return [
        pytest.param(name, heads.get(name, "Model"), marks=() if name in ("bert", "vit") else (pytest.mark.slow,))
        for name in FAMILIES
        if name not in ALONE
    ]


@pytest.mark.parametrize(("family", "head"), cases())
def test_the_result_and_the_report_are_those_of_memory(family: str, head: str, tmp_path: Path) -> None:
    """Bytes, plan, verification, counts, MACs, memory, fidelity and door are the same; times and layers are missing."""
    tiny(family, head=head).save_pretrained(tmp_path / "source", max_shard_size="20KB")
    check_same(request(kind="audio" if family in LONG else ""), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_halves_are_judged_as_in_memory(dtype: torch.dtype, tmp_path: Path) -> None:
    """The dense model computes in single precision for fidelity, and as it is stored for memory and MACs."""
    tiny("vit").to(dtype).save_pretrained(tmp_path / "source")
    check_same(request(), tmp_path)


def test_fewer_layers_are_counted_as_in_memory(tmp_path: Path) -> None:
    """Layers that are left out are in the dense figures and not in the result's."""
    tiny("bert").save_pretrained(tmp_path / "source", max_shard_size="20KB")
    check_same(request(steps=FEWER, kind="text"), tmp_path)


def test_the_plan_is_what_the_report_says(tmp_path: Path) -> None:
    """A plan by layers says what a plan in memory says, and leaves nothing behind."""
    tiny("bert").save_pretrained(tmp_path / "source")
    spec, where = request(steps=STEPS[:2], kind="text"), folders(tmp_path)
    found, wanted = loaded(spec, where).plan(), planning.run(spec, where, Stages())

    assert list(where.out.iterdir()) == []
    assert (found.dense, found.door, found.exact) == (wanted.dense, wanted.door, True)
    assert replace(found.compressed, bytes_stored=0) == replace(wanted.compressed, bytes_stored=0)
    assert [step.achieved for step in found.steps] == [step.achieved for step in wanted.steps]


def test_the_client_verifies_a_head_that_went_by_layers(tmp_path: Path) -> None:
    """What a tied head gives is stored, and whoever opens the result whole gets the same bits."""
    tiny("bert", head="ForMaskedLM").save_pretrained(tmp_path / "source")
    loaded(request(steps=STEPS[:1], kind="text"), folders(tmp_path)).run()

    assert verify(tmp_path / "out").exact


def test_the_report_and_the_card_say_that_nothing_was_timed(tmp_path: Path) -> None:
    """A reader learns why there are no times; the card has no row for them."""
    tiny("bert").save_pretrained(tmp_path / "source")
    report = loaded(request(steps=STEPS[:1], kind="text"), folders(tmp_path)).run()

    assert any(warning.startswith("Nothing was timed") for warning in report.warnings)
    assert report.compressed.inputs[0].latency_ms is None
    card = (tmp_path / "out" / "README.md").read_text()
    assert "MACs executed" in card
    assert "milliseconds" not in card


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"data": {"uri": "file:///data"}}, "asks for data"),
        ({"recovery": {"steps": 1}}, "asks for recovery"),
        ({"target": {"metric": "params", "ratio": 0.5}}, "asks for a target"),
        ({"output": {"formats": ["safetensors", "onnx"]}}, "asks for a file for another runtime"),
        ({"output": {"storage": "bitmask"}}, "asks for storage bitmask"),
        ({"profile": {"runtimes": ["eager", "torch_compile"]}}, "asks for another runtime"),
        ({"steps": [{"technique": "weight_pruning", "sparsity": 0.5}]}, "scope layer"),
        ({"steps": [{"technique": "quantization", "dtype": "bfloat16"}]}, "takes the whole model"),
    ],
)
def test_a_request_for_the_whole_model_is_met_in_memory(more: Json, why: str, tmp_path: Path) -> None:
    """It takes the ordinary way, and its events say why."""
    tiny("bert").save_pretrained(tmp_path / "source")
    heard: list[str] = []

    def hear(stage: str, step: int, steps: int, message: str = "") -> None:
        heard.append(message)

    assert StreamedJob.load(request(**more), folders(tmp_path), hear, above=0) is None
    assert why in heard[-1]


@pytest.mark.parametrize(
    ("family", "more", "why"),
    [
        ("albert", {}, "one serves others"),
        ("deberta-v2", {"head": "ForMaskedLM", "legacy": False}, "a weight that is on disk"),  # the table of tokens
    ],
)
def test_a_model_that_does_not_compute_by_layers_is_held(family: str, more: Json, why: str, tmp_path: Path) -> None:
    """One layer for all, or a head that reads what only the embeddings hold: such a model takes the ordinary way."""
    tiny(family, **more).save_pretrained(tmp_path / "source")
    heard: list[str] = []

    def hear(stage: str, step: int, steps: int, message: str = "") -> None:
        heard.append(message)

    assert StreamedJob.load(request(steps=STEPS[:1]), folders(tmp_path), hear, above=0) is None
    assert why in heard[-1]


def test_a_small_model_is_held(tmp_path: Path) -> None:
    """Weights of exactly the limit stay in memory, where they can be timed."""
    tiny("bert").save_pretrained(tmp_path / "source")
    size = (tmp_path / "source" / "model.safetensors").stat().st_size
    stages = Stages()

    assert StreamedJob.load(request(), folders(tmp_path), stages, above=size) is None
    assert stages.seen == []


def spoilt(value: float, place: Callable[[Any], torch.Tensor], tmp_path: Path) -> pipeline.Folders:
    """Return the folders of a model one weight of which has that value."""
    model = tiny("bert")
    with torch.no_grad():
        place(model)[0] = value
    model.save_pretrained(tmp_path / "source")
    return folders(tmp_path)


def test_a_weight_that_is_no_number_is_refused_wherever_it_is(tmp_path: Path) -> None:
    """Also what is only copied, and rows of the token table that no probe looks up, are looked through first."""
    where = spoilt(float("nan"), lambda model: model.embeddings.word_embeddings.weight[96], tmp_path)

    with pytest.raises(CorruptCheckpointError, match=r"word_embeddings\.weight holds NaN or infinity"):
        loaded(request(kind="text"), where)


def test_a_model_that_overflows_is_refused(tmp_path: Path) -> None:
    """Every weight is a number, but what comes out is none."""
    where = spoilt(3e38, lambda model: model.encoder.layer[1].output.LayerNorm.weight, tmp_path)

    with pytest.raises(CorruptCheckpointError, match="last_hidden_state of a short input holds NaN or infinity"):
        loaded(request(kind="text"), where)


def test_a_step_without_effect_is_refused(tmp_path: Path) -> None:
    """The error is that of memory."""
    tiny("bert").save_pretrained(tmp_path / "source")

    with pytest.raises(NothingChangedError, match="ffn_pruning left the model as it was"):
        loaded(request(steps=[{"technique": "ffn_pruning", "units_kept": 1000}], kind="text"), folders(tmp_path)).run()


def test_a_job_is_cancelled_between_two_layers(tmp_path: Path) -> None:
    """Progress hears of each layer, and its wish to stop ends the job there."""
    tiny("bert", layers=3).save_pretrained(tmp_path / "source")
    heard: list[int] = []

    def stop(stage: str, step: int, steps: int, message: str = "") -> None:
        if stage == "compress":
            heard.append(step)
            if step == 2:
                raise CancelledError(message)

    with pytest.raises(CancelledError):
        loaded(request(steps=STEPS[:1], kind="text"), folders(tmp_path), stop).run()
    assert heard == [1, 2]

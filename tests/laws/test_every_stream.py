"""What streaming owes to whoever compresses a model larger than memory: the very bytes that memory would have given."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel

from jobs.batches import Batch
from jobs.checkpoint import ranges
from jobs.checkpoint.precision import store_as, stored_dtype
from jobs.checkpoint.reader import load_model, weight_files
from jobs.checkpoint.verification import VERIFICATION_FILE, outputs_of
from jobs.checkpoint.writer import write_artifact
from jobs.compression.anatomy import Anatomy, anatomy_of
from jobs.compression.streaming import stream
from jobs.compression.technique import Context, Outcome, apply
from jobs.contract.errors import NotApplicableError, NothingChangedError, UnsupportedModelError
from jobs.contract.spec import Step
from tests.tiny import FAMILIES, tiny, tiny_batch

FILES_OF_WEIGHTS = {"model.safetensors.index.json"}

CUTS = (
    Step("head_pruning", {"heads_removed": 0.5}),
    Step("ffn_pruning", {"units_kept": 40}),
    Step("low_rank", {"rank_ratio": 0.5, "modules": "feed_forward"}),
    Step("weight_pruning", {"sparsity": 0.3, "scope": "layer"}),
)
REQUESTS: dict[str, Sequence[Step]] = {
    "all": CUTS,
    "energy": (Step("low_rank", {"energy": 0.6}),),
    "fours": (Step("weight_pruning", {"pattern": "2:4"}),),
    "blocks": (Step("weight_pruning", {"pattern": "block", "block_size": 8, "scope": "layer", "sparsity": 0.4}),),
    "fewer": (Step("distillation", {"layers_kept": [1], "steps": 0}), CUTS[1]),
}
ALONE = ("albert", "mt5", "t5", "wavlm")
"""Families whose layers do not work by themselves."""


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


def probe(model: PreTrainedModel, anatomy: Anatomy) -> Batch:
    """Return a short batch."""
    return tiny_batch(model.config.model_type)


def saved(model: PreTrainedModel, folder: Path, *, shard: str = "5GB") -> Path:
    """Return *folder*, with the model in it."""
    model.save_pretrained(folder, max_shard_size=shard)
    return folder


def in_memory(source: Path, out: Path, steps: Sequence[Step]) -> list[Outcome]:
    """Write what the steps make of the model, held whole."""
    model = load_model(source)
    anatomy = anatomy_of(model)
    context = Context(anatomy, None, torch.Generator().manual_seed(0), silent, probe(model, anatomy))
    outcomes = [apply(step, model, context) for step in steps]
    store_as(model, stored_dtype(source))
    write_artifact(model, source=source, out=out)
    return outcomes


def weights(folder: Path) -> dict[str, Tensor]:
    """Return all tensors in the folder."""
    return {name: tensor for file in weight_files(folder) for name, tensor in load_file(file).items()}


def verified(folder: Path, whole: Path) -> bool:
    """Return whether the model in *whole*, opened whole, gives the output that *folder* promises."""
    stored = load_file(folder / VERIFICATION_FILE)
    model = load_model(whole, stored_dtype(whole))
    batch = {name.removeprefix("input."): tensor for name, tensor in stored.items() if name.startswith("input.")}
    return torch.equal(outputs_of(model, batch)["last_hidden_state"], stored["output.last_hidden_state"])


def others(folder: Path) -> dict[str, Any]:
    """Return everything else in the folder but the outputs; what is JSON, parsed."""
    files = [file for file in folder.iterdir() if file.suffix != ".safetensors" and file.name not in FILES_OF_WEIGHTS]
    return {file.name: json.loads(file.read_text()) if file.suffix == ".json" else file.read_bytes() for file in files}


def check_same(source: Path, tmp_path: Path, steps: Sequence[Step]) -> None:
    """Compare both ways, file by file and tensor by tensor."""
    outcomes = in_memory(source, tmp_path / "memory", steps)
    streamed = stream(steps, source, tmp_path / "stream", make_probe=probe, progress=silent)
    kept, found = weights(tmp_path / "memory"), weights(tmp_path / "stream")

    assert found.keys() == kept.keys()
    assert [name for name in kept if kept[name].dtype != found[name].dtype] == []
    assert [name for name in kept if not torch.equal(kept[name], found[name])] == []
    assert verified(tmp_path / "stream", tmp_path / "memory")
    assert others(tmp_path / "stream") == others(tmp_path / "memory")
    for outcome, step in zip(outcomes, streamed.steps, strict=True):
        wanted = outcome.achieved if _nested(outcome) else pytest.approx(outcome.achieved)
        assert step.achieved == wanted


def _nested(outcome: Outcome) -> bool:
    return any(isinstance(value, list | dict) for value in outcome.achieved.values())


def families() -> list[Any]:
    """Return every family whose layers stand alone; all but three are slow."""
    fast = ("bert", "vit", "llama")
    return [
        pytest.param(name, marks=() if name in fast else (pytest.mark.slow,)) for name in FAMILIES if name not in ALONE
    ]


@pytest.mark.parametrize("family", families())
def test_streaming_gives_the_same_bytes(family: str, tmp_path: Path) -> None:
    """All kinds of cuts, one after the other, on every family."""
    check_same(saved(tiny(family), tmp_path / "source", shard="20KB"), tmp_path, CUTS)


@pytest.mark.parametrize("request_", [name for name in REQUESTS if name != "all"])
def test_every_request_streams(request_: str, tmp_path: Path) -> None:
    """Each kind of step that takes one layer at a time gives the same, from one file."""
    check_same(saved(tiny("bert"), tmp_path / "source"), tmp_path, REQUESTS[request_])


def test_tensors_are_copied_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger than a piece arrives whole."""
    monkeypatch.setattr(ranges, "PIECE", 100)
    check_same(saved(tiny("bert"), tmp_path / "source"), tmp_path, CUTS[1:2])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_halves_come_back_as_halves(dtype: torch.dtype, tmp_path: Path) -> None:
    """A model that is stored in 16 bits is computed in 32 and stored in 16 again."""
    check_same(saved(tiny("bert").to(dtype), tmp_path / "source"), tmp_path, CUTS)


@pytest.mark.parametrize(("family", "head"), [("bert", "ForMaskedLM"), ("gpt2", "LMHeadModel")])
def test_tied_heads_are_written_once(family: str, head: str, tmp_path: Path) -> None:
    """A head that shares the embedding is stored as save_pretrained stores it."""
    check_same(saved(tiny(family, head=head), tmp_path / "source"), tmp_path, CUTS[1:2])


@pytest.mark.parametrize("family", ALONE)
def test_layers_that_serve_others_are_refused(family: str, tmp_path: Path) -> None:
    """A model whose first layer serves all cannot be streamed, and the error says so."""
    source = saved(tiny(family), tmp_path / "source")

    with pytest.raises(UnsupportedModelError, match="one serves others"):
        stream(CUTS[:1], source, tmp_path / "out", make_probe=probe, progress=silent)


@pytest.mark.parametrize(
    ("step", "way_out"),
    [
        (Step("head_pruning", {"heads_removed": 0.5, "scope": "global"}), "scope layer"),
        (Step("weight_pruning", {"sparsity": 0.5}), "scope layer"),
        (Step("weight_pruning", {"criterion": "wanda"}), "criterion magnitude"),
        (Step("weight_pruning", {"schedule": [0.2], "scope": "layer"}), "no schedule"),
        (Step("distillation", {"layers_kept": 1}), "steps 0"),
        (Step("low_rank", {"rank_ratio": 0.5, "weighting": "fisher"}), "weighting none"),
    ],
)
def test_a_step_that_needs_all_layers_says_what_would_not(step: Step, way_out: str, tmp_path: Path) -> None:
    """The error names the parameter that makes the step stream."""
    with pytest.raises(NotApplicableError, match=way_out):
        stream([step], tmp_path, tmp_path / "out", make_probe=probe, progress=silent)


def test_a_step_without_effect_is_refused(tmp_path: Path) -> None:
    """A step that changes no layer at all is refused, as it is in memory."""
    source = saved(tiny("bert"), tmp_path / "source")

    with pytest.raises(NothingChangedError, match="ffn_pruning"):
        stream([Step("ffn_pruning", {"units_kept": 1000})], source, tmp_path / "out", make_probe=probe, progress=silent)

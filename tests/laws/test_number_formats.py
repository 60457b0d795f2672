"""What a model owes to whoever asked for smaller numbers, and to whoever sent smaller numbers."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, PreTrainedModel

from jobs.batches import inference, suited
from jobs.checkpoint.precision import stored_dtype
from jobs.checkpoint.verification import check_reload, write_verification
from jobs.checkpoint.writer import weight_bytes, write_artifact
from jobs.compression.anatomy import anatomy_of
from jobs.compression.technique import Context, apply
from jobs.contract.errors import NotApplicableError, VerificationError
from jobs.contract.spec import CompressionSpec, Step
from jobs.pipeline import Folders, run
from tests.tiny import tiny, tiny_batch

FORMATS = ("bfloat16", "float16", "int8", "int8_dynamic")
BITS: Mapping[str, int] = {"bfloat16": 16, "float16": 16, "int8": 8, "int8_dynamic": 8}
INPUTS: Mapping[str, Any] = {
    "bert": {"kind": "text", "tokens": 8},
    "hubert": {"kind": "audio", "seconds": 0.2},
    "vit": {"kind": "image"},
}
CUT = {"technique": "head_pruning", "heads_removed": 0.5}
"""Leaves a model that no stock config fits."""


def silent(*_: object) -> None:
    """Hear progress and do nothing."""


def in_format(dtype: str, model: PreTrainedModel) -> PreTrainedModel:
    """Return *model* after the step."""
    kind = model.config.model_type
    ctx = Context(anatomy_of(model), None, torch.Generator(), silent, tiny_batch(kind))
    return apply(Step("quantization", {"dtype": dtype}), model, ctx).model


def hidden(model: PreTrainedModel) -> torch.Tensor:
    """Return the last hidden states of one fixed batch, as float32."""
    with inference(model):
        return model(**suited(tiny_batch(model.config.model_type), model)).last_hidden_state.float()


def compress(source: Path, out: Path, kind: str, *steps: dict[str, Any], **asked: Any) -> Any:
    """Return the report of one request, measured as little as can be."""
    profile = {"repeats": 1, "inputs": [INPUTS[kind]]}
    document = {"model": {"uri": "s3://models/tiny"}, "steps": list(steps), "profile": profile, **asked}
    return run(CompressionSpec.from_json(document), Folders(source, out), silent)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return an empty folder for a dense model."""
    return tmp_path / "source"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return where the artifact goes."""
    return tmp_path / "out"


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("dtype", FORMATS)
def test_rounded_numbers_are_close_to_the_exact_ones(dtype: str, kind: str) -> None:
    """Outputs differ, but point the same way, at every position."""
    exact = hidden(tiny(kind))

    rounded = hidden(in_format(dtype, tiny(kind)))

    assert not torch.equal(rounded, exact)
    assert torch.nn.functional.cosine_similarity(rounded, exact, dim=-1).min() > 0.98


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize(
    "kind", ["hubert", pytest.param("bert", marks=pytest.mark.slow), pytest.param("vit", marks=pytest.mark.slow)]
)
def test_a_whole_request_ends_in_the_format(dtype: str, kind: str, source: Path, out: Path) -> None:
    """After a cut, the artifact takes its bits a weight, says so, and has been read back bit for bit."""
    tiny(kind).save_pretrained(source)

    report = compress(source, out, kind, CUT, {"technique": "quantization", "dtype": dtype})

    matrices = sum(each.numel() for each in tiny(kind).parameters() if each.ndim == 2)
    saved = report.dense.bytes_stored - report.compressed.bytes_stored
    assert report.steps[-1].achieved["dtype"] == dtype
    assert report.compressed.inputs[0].latency_ms.dtype == (dtype if BITS[dtype] == 16 else "float32")
    assert report.compressed.inputs[0].uncounted_ops == {}
    assert report.fidelity.source == "synthetic"
    assert saved > matrices * (32 - BITS[dtype]) // 8 * 0.3


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_plain_transformers_opens_a_native_result(dtype: str, source: Path, out: Path) -> None:
    """Without a cut, the stock class gives the very numbers that were verified."""
    model = tiny("hubert")
    model.save_pretrained(source)
    rounded = in_format(dtype, model)
    write_artifact(rounded, source=source, out=out)

    opened = AutoModel.from_pretrained(out)

    assert torch.equal(hidden(opened.eval()), hidden(rounded))


def test_rounded_weights_are_the_same_bytes_each_time(source: Path, tmp_path: Path) -> None:
    """The same model in int8 is the same file, description in its header included."""
    tiny("hubert").save_pretrained(source)
    for name in ("one", "two"):
        write_artifact(in_format("int8", tiny("hubert")), source=source, out=tmp_path / name)

    one, two = (sha256((tmp_path / name / "model.safetensors").read_bytes()) for name in ("one", "two"))

    assert one.digest() == two.digest()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_source_of_half_precision_stays_so(dtype: torch.dtype, source: Path, out: Path) -> None:
    """Steps compute in float32; what is stored and measured has the source's type."""
    tiny("bert").to(dtype).save_pretrained(source)

    report = compress(source, out, "bert", CUT)

    assert stored_dtype(out) == dtype
    assert report.compressed.bytes_stored < report.dense.bytes_stored == weight_bytes(source)
    assert {side.inputs[0].latency_ms.dtype for side in (report.dense, report.compressed)} == {
        str(dtype).removeprefix("torch.")
    }


@pytest.mark.parametrize("dtype", FORMATS)
def test_nothing_follows_smaller_numbers(dtype: str) -> None:
    """Any further step is refused, with the reason."""
    model = in_format(dtype, tiny("bert"))
    ctx = Context(anatomy_of(model), None, torch.Generator(), silent, tiny_batch("bert"))

    with pytest.raises(NotApplicableError, match="last"):
        apply(Step("ffn_pruning", {"units_removed": 0.5}), model, ctx)


def test_a_number_too_large_for_float16_is_refused() -> None:
    """The tensor is named, and the type that could hold it."""
    model = tiny("bert")
    with torch.no_grad():
        model.encoder.layer[0].output.dense.weight[0, 0] = 1e6

    with pytest.raises(NotApplicableError, match=r"encoder\.layer\.0\.output\.dense\.weight .* bfloat16"):
        in_format("float16", model)


def test_maps_that_are_not_linear_are_refused() -> None:
    """GPT-2's maps are transposed, which the library does not round; the error says what does."""
    with pytest.raises(NotApplicableError, match="onnx_int8"):
        in_format("int8", tiny("gpt2"))


def test_a_changed_number_shows_when_the_artifact_is_read_back(source: Path, out: Path) -> None:
    """A rounded artifact is verified like any other."""
    tiny("bert").save_pretrained(source)
    model = in_format("int8", tiny("bert"))
    write_artifact(model, source=source, out=out)
    write_verification(model, tiny_batch("bert"), out)
    check_reload(out)
    weights = bytearray((out / "model.safetensors").read_bytes())
    length = int.from_bytes(weights[:8], "little")
    named = json.loads(weights[8 : 8 + length])["encoder.layer.1.output.dense._weight_qdata"]
    weights[8 + length + named["data_offsets"][0]] ^= 0x40
    (out / "model.safetensors").write_bytes(weights)

    with pytest.raises(VerificationError, match="another last_hidden_state"):
        check_reload(out)

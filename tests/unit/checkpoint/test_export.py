"""The same model in files for other runtimes, on two-layer models cut unevenly."""

from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession
from torch import Tensor
from transformers import PreTrainedModel

from jobs.checkpoint.export import TOLERANCE, export
from jobs.compression.anatomy import anatomy_of
from jobs.compression.surgery import drop_heads, drop_units, factorise
from jobs.contract.errors import VerificationError
from tests.tiny import tiny

FORMATS = ("onnx", "onnx_int8", "pt2")


def unevenly_cut(model_type: str, head: str = "Model") -> PreTrainedModel:
    """Return a tiny model whose first layer has three heads, fewer units and a factorised map."""
    model = tiny(model_type, head=head)
    layer = anatomy_of(model).layers(model)[0]
    drop_heads(layer.attention, torch.tensor([0, 2, 3]))
    drop_units(layer.feed_forward, torch.arange(40))
    with torch.no_grad():
        factorise(layer.attention.query, torch.randn(6, 32), torch.randn(24, 6))
    return model


@pytest.mark.parametrize(
    ("model_type", "head"),
    [
        ("bert", "Model"),
        pytest.param("hubert", "ForCTC", marks=pytest.mark.slow),
        pytest.param("vit", "ForImageClassification", marks=pytest.mark.slow),
    ],
)
def test_every_format_gives_what_the_model_gives(model_type: str, head: str, tmp_path: Path) -> None:
    """A cut and factorised model is traced, written, opened again at another size and close to itself."""
    model = unevenly_cut(model_type, head)

    written = export(model, FORMATS, anatomy_of(model).modality, tmp_path)

    errors = {each.format: each.relative_error for each in written}
    assert errors["onnx"] < 1e-5
    assert errors["pt2"] < 1e-5
    assert 1e-5 < errors["onnx_int8"] < 0.1
    assert {each.path: each.bytes_stored for each in written} == {
        file.name: file.stat().st_size for file in tmp_path.iterdir()
    }


def test_a_model_with_a_decoder_is_exported_below_it(tmp_path: Path) -> None:
    """What takes a batch is the encoder, and its hidden states are what comes out."""
    exported = export(tiny("bart"), ["pt2"], "text", tmp_path)

    assert exported[0].relative_error <= TOLERANCE


@pytest.mark.slow
def test_a_graph_names_its_inputs_and_takes_any_batch_and_length(tmp_path: Path) -> None:
    """ONNX Runtime alone runs the file on one short row."""
    model = unevenly_cut("bert", "ForSequenceClassification")
    export(model, ["onnx"], "text", tmp_path)
    session = InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    ids = np.array([[5, 6, 7]])

    (logits,) = session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})

    wanted = model(torch.from_numpy(ids)).logits.detach()
    torch.testing.assert_close(torch.from_numpy(logits), wanted, atol=1e-5, rtol=1e-5)


def test_a_file_that_gives_something_else_is_refused(tmp_path: Path) -> None:
    """What tracing froze, here a count of calls, shows when the file is held against the model."""
    model, calls = tiny("bert"), count()

    def add_count(_module: torch.nn.Module, _given: object, output: Tensor) -> Tensor:
        return output + next(calls)

    model.embeddings.register_forward_hook(add_count)

    with pytest.raises(VerificationError, match=r"model\.pt2 to give what the model gives"):
        export(model, ["pt2"], "text", tmp_path)

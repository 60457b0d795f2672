"""Sparse storage: a packed matrix comes back bit for bit, takes fewer bytes, and a damaged one is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cuts import zeros
from safetensors.torch import load_file, save_file
from tiny import tiny
from torch import Tensor

from jobs.checkpoint import writer
from jobs.checkpoint.modelpress_bitmask import pack, unpack
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.writer import weight_bytes, write_artifact
from jobs.contract.errors import CorruptCheckpointError

NAME = "encoder.layer.0.output.dense.weight"


def sparse(*shape: int, share: float = 0.5, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return a matrix of which about *share* is zero, with a minus zero and a NaN in it."""
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(shape, generator=generator)
    matrix[torch.rand(shape, generator=generator) < share] = 0
    matrix.view(-1)[3], matrix.view(-1)[5] = -0.0, torch.nan
    return matrix.to(dtype)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an artifact with packed matrices."""
    model = tiny("bert")
    model.save_pretrained(tmp_path / "source")
    zeros(model)
    write_artifact(model, source=tmp_path / "source", out=tmp_path / "out", storage="bitmask")
    return tmp_path / "out"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int8])
@pytest.mark.parametrize("shape", [(60, 61), (40, 8, 9)])
def test_a_packed_matrix_comes_back_bit_for_bit(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Every bit of every entry is kept, those of minus zero and NaN too, whatever the type and the shape."""
    matrix = sparse(*shape, share=0.9, dtype=dtype)

    packed = pack({"weight": matrix})

    assert set(packed) == {"weight", "weight.bitmask", "weight.shape"}
    assert torch.equal(unpack(packed)["weight"].view(torch.uint8), matrix.view(torch.uint8))


def test_half_zeros_take_little_more_than_half_the_bytes() -> None:
    """A float32 matrix of half zeros takes 53 % of its bytes."""
    matrix = sparse(256, 256)

    packed = pack({"weight": matrix})

    assert sum(each.nbytes for each in packed.values()) / matrix.nbytes == pytest.approx(0.53, abs=0.01)


def test_what_would_not_shrink_stays_as_it_is() -> None:
    """Dense matrices, small ones and vectors are not packed."""
    state = {"dense": torch.ones(50, 50), "small": torch.zeros(4, 4), "vector": torch.zeros(9000)}

    assert pack(state) == state


def test_an_artifact_shrinks_and_opens_the_same(folder: Path, tmp_path: Path) -> None:
    """The folder is smaller than the plain one, its plan says why, and the weights are those of the model."""
    model = tiny("bert")
    zeros(model)
    plain = write_artifact(model, source=tmp_path / "source", out=tmp_path / "plain")

    reloaded = load_model(folder).state_dict()

    assert plain.native
    assert weight_bytes(folder) < weight_bytes(tmp_path / "plain")
    assert json.loads((folder / "config.json").read_text())["plan"]["storage"] == "bitmask"
    assert all(torch.equal(reloaded[name], tensor) for name, tensor in model.state_dict().items())


def test_without_zeros_nothing_is_packed(tmp_path: Path) -> None:
    """Asked to pack a model that has nothing to pack, the writer keeps the native door open."""
    model = tiny("bert")
    model.save_pretrained(tmp_path / "source")

    plan = write_artifact(model, source=tmp_path / "source", out=tmp_path / "out", storage="bitmask")

    assert plan.native


def test_shards_are_packed_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result in several files is packed in each, and the index names what is in them."""
    monkeypatch.setattr(writer, "SHARD_BYTES", "30KB")
    model = tiny("bert")
    model.save_pretrained(tmp_path / "source")
    zeros(model)
    write_artifact(model, source=tmp_path / "source", out=tmp_path / "out", storage="bitmask")

    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())["weight_map"]
    reloaded = load_model(tmp_path / "out").state_dict()

    assert len(set(index.values())) > 1
    assert all(name in load_file(tmp_path / "out" / file) for name, file in index.items())
    assert all(torch.equal(reloaded[name], tensor) for name, tensor in model.state_dict().items())


DAMAGES: dict[str, Callable[[dict[str, Tensor]], object]] = {
    "a bit too many": lambda state: state[f"{NAME}.bitmask"].fill_(255),
    "a bit after the end": lambda state: state.update({f"{NAME}.shape": torch.tensor([31, 66])}),
    "a value too few": lambda state: state.update({NAME: state[NAME][:-1]}),
    "no values": lambda state: state.pop(NAME),
    "no shape": lambda state: state.pop(f"{NAME}.shape"),
    "a huge shape": lambda state: state.update({f"{NAME}.shape": torch.tensor([2**31, 2**31])}),
    "a negative shape": lambda state: state.update({f"{NAME}.shape": torch.tensor([-32, -64])}),
    "a shape of another type": lambda state: state.update({f"{NAME}.shape": torch.tensor([32.0, 64.0])}),
    "a shape of many dimensions": lambda state: state.update({f"{NAME}.shape": torch.ones(100, dtype=torch.int64)}),
    "bits of another type": lambda state: state.update({f"{NAME}.bitmask": state[f"{NAME}.bitmask"].int()}),
    "a matrix for values": lambda state: state.update({NAME: state[NAME][None]}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_matrix_is_refused(folder: Path, damage: str) -> None:
    """Bits, values and shape that do not go together stop the reader with a sentence."""
    state = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
    DAMAGES[damage](state)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(CorruptCheckpointError, match="damaged"):
        load_model(folder)

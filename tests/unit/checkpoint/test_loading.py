"""The client's own door: load and verify a downloaded folder."""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from cuts import CUTS
from safetensors.torch import load_file, save_file
from tiny import tiny, tiny_batch

from jobs.checkpoint.verification import write_verification
from jobs.checkpoint.writer import write_artifact

CLIENT = Path(__file__).parents[3] / "clients" / "python"


@pytest.fixture(scope="module")
def loading() -> ModuleType:
    """Return the client's module."""
    sys.path.insert(0, str(CLIENT))
    try:
        from modelpress import loading  # noqa: PLC0415 - the client is a distribution of its own
    finally:
        sys.path.remove(str(CLIENT))
    return loading


@pytest.fixture(params=["combined", "even_units"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a downloaded artifact, structural or native, with its manifest."""
    model = tiny("bert", head="ForSequenceClassification")
    model.save_pretrained(tmp_path / "source")
    CUTS[request.param](model)
    out = tmp_path / "out"
    write_artifact(model, source=tmp_path / "source", out=out)
    write_verification(model, tiny_batch("bert"), out)
    _write_manifest(out)
    return out


def _write_manifest(folder: Path) -> None:
    files = [path for path in folder.iterdir() if path.name != "manifest.json"]
    entries = [
        {"path": path.name, "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in files
    ]
    (folder / "manifest.json").write_text(json.dumps({"files": entries}))


def test_a_folder_opens_in_the_class_that_was_saved(loading: ModuleType, folder: Path) -> None:
    """Loading gives the task model, in eval mode."""
    model = loading.load(folder)

    assert type(model).__name__ == "BertForSequenceClassification"
    assert not model.training


def test_a_whole_folder_is_verified_bit_for_bit(loading: ModuleType, folder: Path) -> None:
    """Verifying counts the files it has checked and finds the outputs equal."""
    found = loading.verify(folder)

    assert found.exact
    assert found.max_abs_diff == 0
    assert found.files == len(list(folder.iterdir())) - 1


def test_other_threads_do_not_matter(loading: ModuleType, folder: Path) -> None:
    """Verifying computes with as many threads as the worker did, and gives the caller's number back."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found, after = loading.verify(folder), torch.get_num_threads()
    finally:
        torch.set_num_threads(before)

    assert found.exact
    assert after == 2


def _flip(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 0x40
    (folder / name).write_bytes(data)


def _flip_weights(folder: Path) -> None:
    _flip(folder, "model.safetensors")


def _flip_config(folder: Path) -> None:
    _flip(folder, "config.json")


def _flip_proof(folder: Path) -> None:
    _flip(folder, "verification.safetensors")


def _remove_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize("spoil", [_flip_weights, _flip_config, _flip_proof, _remove_weights])
def test_one_changed_byte_is_found(loading: ModuleType, folder: Path, spoil: Callable[[Path], None]) -> None:
    """A byte changed in weights, config or proof fails by its hash, before anything is loaded."""
    spoil(folder)

    with pytest.raises(loading.IntegrityError, match="manifest"):
        loading.verify(folder)


def test_another_model_is_found_without_a_manifest(loading: ModuleType, folder: Path) -> None:
    """Weights that compute something else fail by their output."""
    (folder / "manifest.json").unlink()
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"] = weights["classifier.bias"] + 0.1
    save_file(weights, folder / "model.safetensors")

    with pytest.raises(loading.IntegrityError, match="output differs"):
        loading.verify(folder)


def test_weights_that_do_not_load_are_found(loading: ModuleType, folder: Path) -> None:
    """A truncated file fails as a folder that is not whole."""
    (folder / "manifest.json").unlink()
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(loading.IntegrityError, match="does not load"):
        loading.verify(folder)


def test_a_small_difference_of_another_machine_is_reported(loading: ModuleType, folder: Path) -> None:
    """Outputs that differ by rounding pass, and the difference is told."""
    path = folder / "verification.safetensors"
    stored = load_file(path)
    stored["output.logits"] = stored["output.logits"] * (1 + 1e-6)
    save_file(stored, path)
    _write_manifest(folder)

    found = loading.verify(folder)

    assert not found.exact
    assert 0 < found.max_abs_diff < 1e-4


def test_without_proof_nothing_is_verified(loading: ModuleType, folder: Path) -> None:
    """A folder without verification file is not called verified."""
    (folder / "verification.safetensors").unlink()
    (folder / "manifest.json").unlink()

    with pytest.raises(loading.IntegrityError, match="verification"):
        loading.verify(folder)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd"])
def test_a_manifest_cannot_lead_out_of_the_folder(loading: ModuleType, folder: Path, name: str) -> None:
    """A manifest's names stay inside the folder."""
    (folder / "manifest.json").write_text(json.dumps({"files": [{"path": name, "bytes": 1, "sha256": "0"}]}))

    with pytest.raises(loading.IntegrityError):
        loading.verify(folder)

"""The demo's reload check: what a stranger does with a result."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from jobs.checkpoint.verification import write_verification
from jobs.contract.spec import InputSpec
from jobs.inputs import synthetic_batch

ARTIFACT = "artifact"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny artifact and the manifest of its files."""
    folder = tmp_path_factory.mktemp("published")
    torch.manual_seed(0)
    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, vocab_size=99)
    model = BertModel(config).eval()
    model.save_pretrained(folder / ARTIFACT)
    write_verification(model, synthetic_batch("text", config, InputSpec("text", tokens=8)), folder / ARTIFACT)
    write_manifest(folder)
    return folder


def write_manifest(folder: Path) -> None:
    """Write the manifest of what the artifact's folder holds now."""
    files = [
        {"path": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        for file in (folder / ARTIFACT).iterdir()
    ]
    (folder / "manifest.json").write_text(json.dumps({"files": files}))


def reopen(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the check in a fresh process."""
    command = (sys.executable, "-I", root / "deploy/demo/reopen.py", folder / ARTIFACT, folder / "manifest.json")
    return subprocess.run(command, capture_output=True, text=True, check=False)


def flip_a_sign(folder: Path) -> None:
    """Change one byte of the file: the one with the sign of a weight that every output depends on."""
    path = folder / ARTIFACT / "model.safetensors"
    content = bytearray(path.read_bytes())
    header_bytes = int.from_bytes(content[:8], "little")
    begin, _ = json.loads(content[8 : 8 + header_bytes])["embeddings.LayerNorm.weight"]["data_offsets"]
    content[8 + header_bytes + begin + 3] ^= 0x80
    path.write_bytes(content)


def test_an_untouched_result_opens(root: Path, published: Path) -> None:
    """A result as published passes, with transformers alone."""
    seen = reopen(root, published)

    assert seen.returncode == 0, seen.stderr
    assert "equal bit for bit" in seen.stdout


def test_a_changed_byte_is_found(root: Path, published: Path) -> None:
    """A single changed byte fails the check by its hash, and by its output where the hash was changed as well."""
    flip_a_sign(published)
    by_hash = reopen(root, published)
    write_manifest(published)
    by_output = reopen(root, published)
    flip_a_sign(published)
    write_manifest(published)

    assert (by_hash.returncode, by_hash.stdout) == (1, "not what was published: model.safetensors\n")
    assert by_output.returncode == 1
    assert "another output" in by_output.stdout


def test_this_project_is_out_of_reach(root: Path) -> None:
    """The check cannot import the project by accident."""
    code = "import sys, reopen; sys.meta_path.insert(0, reopen.NotOurs); import jobs"
    environment = {"PYTHONPATH": f"{root / 'deploy/demo'}:{root}"}
    seen = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)

    assert "must open without it" in seen.stderr

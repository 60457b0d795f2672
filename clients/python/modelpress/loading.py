"""Open a downloaded artifact, and prove that it is the one that was made."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoConfig, AutoModel, PreTrainedModel

from modelpress.errors import IntegrityError
from modelpress.files import safe_path, sha256_of
from modelpress.modeling_modelpress import known_models, register

TOLERANCE = 1e-4
"""Largest difference of outputs, relative to the largest output, that another machine's arithmetic explains."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What ``verify`` found.

    Attributes:
        files: how many files had the SHA-256 of the manifest; 0 without a manifest.
        exact: whether the outputs are equal bit for bit, as they are on the machine that made them.
        max_abs_diff: largest absolute difference of an output.
    """

    files: int
    exact: bool
    max_abs_diff: float


def load(folder: str | Path) -> PreTrainedModel:
    """Return the model in *folder*, in eval mode, in the class that was saved; no code from the folder is run."""
    register()
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    kind = known_models(type(config)).get((config.architectures or [""])[0], AutoModel)
    return kind.from_pretrained(folder, config=config, local_files_only=True, use_safetensors=True).eval()


def verify(folder: str | Path) -> Verification:
    """Check *folder* against its manifest, then load it and compare its output with the stored one.

    Raises:
        IntegrityError: a file is missing or changed, the model does not load, or its output differs by more than
            ``TOLERANCE``.
    """
    folder = Path(folder)
    files = _check_files(folder)
    path = folder / "verification.safetensors"
    if not path.is_file():
        raise IntegrityError(f"Expected {path.name} in {folder}; there is none, so its output cannot be compared.")
    stored = load_file(path)
    with _threads(path):
        outputs = _outputs(_opened(folder), _named("input", stored))
    pairs = [(outputs.get(name), expected) for name, expected in _named("output", stored).items()]
    differences = [_difference(tensor, expected) for tensor, expected in pairs]
    return Verification(files, exact=all(d == 0 for d in differences), max_abs_diff=max(differences))


@contextmanager
def _threads(path: Path) -> Iterator[None]:
    """Compute with as many threads as the stored output was made with: another number rounds differently."""
    with safe_open(path, framework="pt") as stored:
        wanted = (stored.metadata() or {}).get("threads", "")
    before = torch.get_num_threads()
    torch.set_num_threads(int(wanted) if wanted.isdecimal() and int(wanted) > 0 else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_files(folder: Path) -> int:
    """Return how many files the manifest has, all of them unchanged."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return 0
    entries = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    for entry in entries:
        path = safe_path(folder, entry["path"])
        if not path.is_file():
            raise IntegrityError(f"{entry['path']} is in the manifest, but not in {folder}; download it again.")
        if sha256_of(path) != entry["sha256"]:
            raise IntegrityError(f"{entry['path']} is not the file that the manifest describes; download it again.")
    return len(entries)


def _opened(folder: Path) -> PreTrainedModel:
    try:
        return load(folder)
    except Exception as error:  # whatever the loaders of config, weights and code raise, the folder is not whole
        raise IntegrityError(f"The model in {folder} does not load: {error}") from error


@torch.no_grad()
def _outputs(model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> dict[str, Any]:
    trunk = model.base_model.get_encoder() if model.config.is_encoder_decoder else model.base_model
    found = {"last_hidden_state": trunk(**inputs).last_hidden_state}
    whole = trunk is model or "decoder_input_ids" in signature(model.forward).parameters
    return found if whole else found | {"logits": getattr(model(**inputs), "logits", None)}


def _named(prefix: str, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): tensor for name, tensor in stored.items() if name.startswith(f"{prefix}.")}


def _difference(tensor: Tensor | None, expected: Tensor) -> float:
    if tensor is None or tensor.shape != expected.shape:
        raise IntegrityError(f"Expected an output of shape {tuple(expected.shape)}; got another: not the model stored.")
    difference = float((tensor - expected).abs().max())
    if not difference <= TOLERANCE * float(expected.abs().max()):
        raise IntegrityError(f"The model's output differs from the stored one by {difference:.3g}: it was changed.")
    return difference

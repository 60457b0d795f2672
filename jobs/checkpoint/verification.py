"""Proof that what was written is what was made: one input and its output travel with the weights."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoConfig, PreTrainedModel

from jobs.batches import Batch, entry_of, suited, trunk_of
from jobs.checkpoint.precision import stored_dtype
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.restore import MODEL_TYPE, ModelPressConfig, known_models
from jobs.contract.errors import InvalidRequestError, VerificationError
from jobs.contract.spec import Json

VERIFICATION_FILE = "verification.safetensors"


def write_verification(model: PreTrainedModel, batch: Batch, out: Path) -> None:
    """Write *batch* and what *model* makes of it into ``verification.safetensors``.

    Tensors: ``input.<name>``, ``output.last_hidden_state`` (of the base model) and, with a head, ``output.logits``.
    The metadata has the number of ``threads``: with another number, sums are rounded differently.
    """
    write_outputs(outputs_of(model, batch), batch, out)


def write_outputs(found: Mapping[str, Tensor], batch: Batch, out: Path) -> None:
    """Write *batch* and what was *found* to come of it, as ``write_verification`` does."""
    inputs = {f"input.{name}": tensor.contiguous() for name, tensor in batch.items()}
    outputs = {f"output.{name}": tensor.contiguous() for name, tensor in found.items()}
    threads = {"threads": str(torch.get_num_threads())}  # one entry only: safetensors writes several in any order
    save_file(inputs | outputs, out / VERIFICATION_FILE, metadata=threads)


@torch.no_grad()
def outputs_of(model: PreTrainedModel, batch: Batch) -> dict[str, Tensor]:
    """Return the last hidden state and, with a head that has them, the logits; dropout is off."""
    training = model.training
    model.eval()
    try:
        trunk, batch = trunk_of(model), suited(batch, model)
        found = {"last_hidden_state": trunk(**batch).last_hidden_state}
        logits = getattr(model(**batch), "logits", None) if entry_of(model) is not trunk else None
    finally:
        model.train(training)
    return found if logits is None else found | {"logits": logits}


def check_reload(out: Path) -> None:
    """Load the artifact in *out* from disk and compare its output with the one it had, bit for bit.

    Raises:
        VerificationError: it cannot be loaded, or its output differs.
    """
    stored = load_file(out / VERIFICATION_FILE)
    outputs = outputs_of(_reload(out), _named("input", stored))
    expected = _named("output", stored)
    for name in expected.keys() | outputs.keys():
        if name not in outputs or name not in expected or not torch.equal(outputs[name], expected[name]):
            raise VerificationError(
                f"The artifact, read back, has another {name}: {_difference(outputs.get(name), expected.get(name))}. "
                "It is not published."
            )


def _reload(out: Path) -> PreTrainedModel:
    try:
        config = json.loads((out / "config.json").read_text())
        return _load_rounded(out, config) if "quantization_config" in config else load_model(out, stored_dtype(out))
    except InvalidRequestError as error:  # what we wrote is our fault, not the caller's
        raise VerificationError(f"The artifact does not load again: {error}") from error


def _load_rounded(out: Path, config: Json) -> PreTrainedModel:
    """Return the model as whoever has torchao would open it; ``load_model`` takes no such files from strangers."""
    kind = ModelPressConfig if config["model_type"] == MODEL_TYPE else AutoConfig
    settled = kind.from_pretrained(out)
    model: PreTrainedModel = known_models(type(settled))[config["architectures"][0]].from_pretrained(out)
    return model


def _named(prefix: str, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): tensor for name, tensor in stored.items() if name.startswith(f"{prefix}.")}


def _difference(tensor: Tensor | None, expected: Tensor | None) -> str:
    if tensor is None or expected is None or tensor.shape != expected.shape:
        shapes = [None if t is None else tuple(t.shape) for t in (tensor, expected)]
        return f"shape {shapes[0]} instead of {shapes[1]}"
    return f"largest difference {(tensor - expected).abs().max().item():.3g}"

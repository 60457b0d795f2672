"""Number formats: the type that weights are stored in, and the plain values behind any of them."""

import json
import shutil
from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from transformers import PreTrainedModel

from jobs.checkpoint.headers import LENGTH_BYTES
from jobs.checkpoint.reader import weight_files
from jobs.contract.errors import NotApplicableError

_TYPES = {"F16": torch.float16, "BF16": torch.bfloat16}


def stored_dtype(directory: Path) -> torch.dtype:
    """Return the type that most numbers of the checkpoint in *directory* have: float16, bfloat16, else float32."""
    counts: Counter[str] = Counter()
    for file in weight_files(directory):
        with safe_open(file, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - not a mapping
                tensor = tensors.get_slice(name)
                counts[tensor.get_dtype()] += prod(tensor.get_shape())
    return _TYPES.get(max(counts, key=counts.__getitem__), torch.float32)


@torch.no_grad()
def store_as(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """Give what *model* stores the type *dtype*, in place; what its class insists on keeping in float32 stays.

    Raises:
        NotApplicableError: a number is too large for the type; the message names the tensor.
    """
    persistent = model.state_dict()
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if name in persistent:
            smaller = tensor.to(settled_dtype(model, name, tensor, dtype))
            if not tensor.is_meta and bool((smaller.isinf() & tensor.isfinite()).any()):
                raise too_large(name, tensor, dtype)
            tensor.data = smaller


def settled_dtype(model: PreTrainedModel, name: str, tensor: Tensor, dtype: torch.dtype) -> torch.dtype:
    """Return the type that the tensor *name* gets where *model* is stored as *dtype*."""
    kept = _kept_in_float32(model) if dtype == torch.float16 else ()
    stays = not tensor.is_floating_point() or any(part in name.split(".") for part in kept)
    return tensor.dtype if stays else dtype


def too_large(name: str, tensor: Tensor, dtype: torch.dtype) -> NotApplicableError:
    """Return the error that *dtype* cannot hold a number of *tensor*."""
    return NotApplicableError(
        f"Expected numbers that {dtype} can hold; {name} has one of {float(tensor.abs().max()):.3g}. "
        "Choose bfloat16, which has the range of float32."
    )


def is_quantised(model: PreTrainedModel) -> bool:
    """Return whether some of the model's weights are rounded to integers."""
    return getattr(model.config, "quantization_config", None) is not None


def values_of(tensor: Tensor) -> Tensor:
    """Return the numbers that *tensor* stands for as an ordinary tensor, rounded to integers or not."""
    rounded: Any = tensor.detach()
    values: Tensor = rounded.dequantize() if hasattr(rounded, "qdata") else rounded
    return values


def settle_headers(directory: Path) -> None:
    """Rewrite the headers of rounded weights, which torchao describes in them, so that they can be read and compared.

    Its reader stops at a name without a dot, as ``masked_spec_embed`` of speech models: those tensors are not rounded
    and need no description. And the same model gets the same bytes: entries are sorted.
    """
    for file in weight_files(directory):
        with file.open("rb") as stream:
            header = json.loads(stream.read(int.from_bytes(stream.read(LENGTH_BYTES), "little")))
            described = header["__metadata__"]
            names = [name for name in json.loads(described["tensor_names"]) if "." in name]
            header["__metadata__"] = {key: described[key] for key in described if key in names or key not in header}
            header["__metadata__"]["tensor_names"] = json.dumps(sorted(names))
            text = json.dumps(header, sort_keys=True).encode()
            text += b" " * (-len(text) % LENGTH_BYTES)
            settled = file.with_suffix(".settled")
            with settled.open("wb") as fresh:
                fresh.write(len(text).to_bytes(LENGTH_BYTES, "little") + text)
                shutil.copyfileobj(stream, fresh)
        settled.replace(file)


def _kept_in_float32(model: PreTrainedModel) -> set[str]:
    named = (getattr(model, f"_keep_in_fp32_modules{kind}", None) or () for kind in ("", "_strict"))
    return {name for names in named for name in names}

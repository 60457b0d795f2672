"""Sparse storage: of a matrix with many zeros, one bit an entry and the values that are not zero.

The format is specified in ``docs/sparse_storage.md``. Tensor ``name`` of the model becomes three tensors of the file:
its values, one after the other, under ``name`` itself; ``name.bitmask``; and ``name.shape``. The values keep the name
on purpose: a stock class that opens these weights finds a tensor of another size, and stops, instead of a missing one,
which it would fill with random numbers.

This file needs torch and transformers only. It lies, the same byte for byte, beside the weights of every artifact and
in the client.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME, cached_file

BITMASK, SHAPE = ".bitmask", ".shape"
BYTE = 8
DIMENSIONS_MAX = 16
OVERHEAD_BYTES = 512
"""Upper bound of what the two more tensors add to the file's header."""

_WORDS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_WHERE = ("cache_dir", "force_download", "local_files_only", "proxies", "revision", "subfolder", "token")
"""What ``from_pretrained`` may be told about where the files are."""


def pack(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return *state* with every matrix packed that takes fewer bytes so; no bit of any value is lost."""
    packed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if is_worth_packing(tensor):
            there = _stored(tensor)
            parts = (tensor.flatten()[there], _bits(there), torch.tensor(tensor.shape))
            packed |= zip((name, name + BITMASK, name + SHAPE), parts, strict=True)
        else:
            packed[name] = tensor
    return packed


def is_worth_packing(tensor: Tensor) -> bool:
    """Return whether *tensor* is a matrix that takes fewer bytes packed."""
    values = int(_stored(tensor).sum()) * tensor.element_size()
    return tensor.ndim > 1 and values + math.ceil(tensor.numel() / BYTE) + OVERHEAD_BYTES < tensor.nbytes


def unpack(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return *state* with every packed matrix as it was.

    Raises:
        ValueError: bits, values and shape of a matrix do not go together.
    """
    packed = {name.removesuffix(BITMASK) for name in state if name.endswith(BITMASK)}
    parts = {name + ending for name in packed for ending in (BITMASK, SHAPE)}
    plain = {name: tensor for name, tensor in state.items() if name not in parts | packed}
    return plain | {name: _unpacked(name, state) for name in sorted(packed)}


def dense_shape(name: str, values: Any, bitmask: Any, shape: Tensor | None) -> tuple[int, ...]:
    """Return the shape of the matrix *name*, whose values and bitmask have these shapes; nothing large is allocated.

    Raises:
        ValueError: they are not those of a packed matrix.
    """
    found = tuple(shape.tolist()) if shape is not None and shape.dtype == torch.int64 and shape.ndim == 1 else ()
    fine = 1 < len(found) <= DIMENSIONS_MAX and min(found) > 0 and values is not None
    if not fine or tuple(bitmask) != (math.ceil(math.prod(found) / BYTE),) or len(values) != 1:
        raise ValueError(
            f"Expected {name} as packed values, a bit for each entry, and a shape; got values of shape {values}, "
            f"{tuple(bitmask)} bytes of bits, and the shape {found or shape}. The file is damaged."
        )
    return found


def packed_state(folder: Any, options: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the unpacked weights of *folder*, a local one or a hub's repository.

    Args:
        folder: as ``from_pretrained`` takes it.
        options: as ``from_pretrained`` takes them; those that say where files are count.

    Raises:
        ValueError: a matrix does not unpack.
        OSError: a file is not there.
    """
    where = {name: options[name] for name in _WHERE if name in options}
    index = cached_file(folder, SAFE_WEIGHTS_INDEX_NAME, _raise_exceptions_for_missing_entries=False, **where)
    names = [SAFE_WEIGHTS_NAME] if index is None else json.loads(Path(index).read_text())["weight_map"].values()
    state: dict[str, Tensor] = {}
    for name in sorted(set(names)):
        state |= load_file(str(cached_file(folder, name, **where)))
    return unpack(state)


def _stored(tensor: Tensor) -> Tensor:
    """Return which entries are not zero in all their bits: a minus zero is a value."""
    return tensor.detach().contiguous().flatten().view(_WORDS[tensor.element_size()]) != 0


def _bits(there: Tensor) -> Tensor:
    padded = torch.nn.functional.pad(there, (0, -len(there) % BYTE)).view(-1, BYTE)
    return (padded * (1 << torch.arange(BYTE, device=there.device))).sum(dim=1).to(torch.uint8)


def _unpacked(name: str, state: Mapping[str, Tensor]) -> Tensor:
    values, bitmask = state.get(name), state[name + BITMASK]
    shape = dense_shape(name, None if values is None else values.shape, bitmask.shape, state.get(name + SHAPE))
    size = math.prod(shape)
    bits = (bitmask[:, None] >> torch.arange(BYTE, dtype=torch.uint8)).bitwise_and_(1).flatten().bool()
    if values is None or bitmask.dtype != torch.uint8 or int(bits.sum()) != len(values) or bits[size:].any():
        raise ValueError(
            f"Expected as many values of {name} as its bitmask, of type uint8, has ones, and none after its end; got "
            f"{int(bits.sum())} ones in {bitmask.dtype} for {0 if values is None else len(values)} values. "
            "The file is damaged."
        )
    dense = values.new_zeros(size)
    dense[bits[:size]] = values
    return dense.view(shape)

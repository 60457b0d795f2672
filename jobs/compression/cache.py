"""Tensors kept from one job for the next: named, sealed, and trusted only as far as the seal and the shapes go.

A record is the SHA-256 of its name and its content, and then the content, as safetensors. What does not fit, because it
was cut short, damaged, or put there by somebody else under that name, is as good as not there.
"""

import hashlib
from collections.abc import Mapping
from typing import Protocol, TypeAlias

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

DIGEST_BYTES = hashlib.sha256().digest_size

Tensors: TypeAlias = Mapping[str, Tensor]
Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


class Cache(Protocol):
    """Keeps records of one model and one set of data; may forget any of them, and never fails."""

    def get(self, name: str) -> bytes | None:
        """Return the record of that name; None when there is none, or it cannot be read now."""

    def put(self, name: str, content: bytes) -> None:
        """Keep a record, if that is possible now."""


def keep(cache: Cache, name: str, tensors: Tensors) -> None:
    """Keep *tensors* in *cache*."""
    content = save({key: tensor.cpu().contiguous() for key, tensor in tensors.items()})
    cache.put(name, _digest(name, content) + content)


def recall(cache: Cache, name: str, shapes: Shapes) -> dict[str, Tensor] | None:
    """Return what was kept under *name*, single-precision tensors of those names and *shapes*; None for all else."""
    record = cache.get(name)
    if record is None or record[:DIGEST_BYTES] != _digest(name, record[DIGEST_BYTES:]):
        return None
    try:
        tensors = load(record[DIGEST_BYTES:])
    except SafetensorError:
        return None
    found = {key: (tensor.dtype, tuple(tensor.shape)) for key, tensor in tensors.items()}
    return tensors if found == {key: (torch.float32, shape) for key, shape in shapes.items()} else None


def _digest(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + content).digest()

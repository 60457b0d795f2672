"""What flows through a model: batches of its forward's keyword arguments."""

from collections.abc import Iterator, Mapping
from typing import Protocol, TypeAlias

from torch import Tensor

Batch: TypeAlias = Mapping[str, Tensor]
"""Keyword arguments of one forward pass, each ``(B, …)``; an ``attention_mask`` says which positions are real."""


class Batches(Protocol):
    """A finite sequence of batches; iterating twice gives the same batches twice."""

    def __len__(self) -> int:
        """Return how many batches there are."""

    def __iter__(self) -> Iterator[Batch]:
        """Yield each batch."""

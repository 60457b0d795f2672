"""A model on disk of which one layer is in memory at a time: what is in no layer, and what computes with it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import nn
from transformers import PreTrainedModel

from jobs.checkpoint.hollow import Hollow, open_hollow
from jobs.checkpoint.precision import stored_dtype
from jobs.compression.anatomy import Anatomy, anatomy_of
from jobs.contract.errors import UnsupportedModelError


@dataclass(frozen=True, slots=True)
class Layered:
    """A hollow model, and its layers.

    Attributes:
        hollow: the model without bytes.
        anatomy: its anatomy.
        stack: the name of the stack of layers.
        dtype: what numbers are stored in.
        origins: which layer of the files each one is; a list, as layers may be left out.
    """

    hollow: Hollow
    anatomy: Anatomy
    stack: str
    dtype: torch.dtype
    origins: list[int]

    @classmethod
    def on(cls, folder: Path) -> Self:
        """Return the model in *folder*; raises what ``open_hollow`` and ``anatomy_of`` do."""
        hollow = open_hollow(folder)
        anatomy = anatomy_of(hollow.model)
        encoder = anatomy.encoder(hollow.model)
        stack = next(name for name, module in hollow.model.named_modules() if module is encoder)
        return cls(hollow, anatomy, stack, stored_dtype(folder), list(range(len(encoder))))

    @property
    def model(self) -> PreTrainedModel:
        """Return the hollow model itself."""
        return self.hollow.model

    @property
    def layers(self) -> Sequence[nn.Module]:
        """Return the layers, bottom first."""
        return tuple(self.anatomy.encoder(self.model))

    def passing(self, dtype: torch.dtype | None = None) -> AbstractContextManager[None]:
        """Run the block with a model through which a batch can pass, in *dtype* or as it is stored."""
        return self.hollow.passing(self.stack, self.origins, dtype or self.dtype)

    def check_apart(self) -> None:
        """Raise unless each layer works by itself.

        Raises:
            UnsupportedModelError: one serves others, or does what others do not.
        """
        first, *others = ({name for name, _ in layer.named_parameters()} for layer in self.layers)
        if self.anatomy.family.shared or any(first - each for each in others):
            raise UnsupportedModelError(
                "Expected layers that each work by themselves, as the model is streamed from disk; here one serves "
                "others. Give the worker more memory."
            )

"""How much memory one forward pass needs.

The figure is the bytes of parameters and buffers, plus the most bytes that inputs, activations and outputs take up
at one moment of the pass. It belongs to the model and its input, the same on every run and every machine of a kind;
what allocators round up, kernels use as scratch and the process itself takes comes on top.

Cost: one forward pass.
"""

import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from jobs.batches import Batch, inference, suited


def peak_memory_bytes(model: nn.Module, *batches: Batch) -> int:
    """Return the bytes of weights, buffers and the most that is alive at once while ``model(**batch)`` runs.

    Of several *batches* the largest decides.
    """
    return max(_peak_bytes(model, suited(batch, model)) for batch in batches)


def _peak_bytes(model: nn.Module, inputs: Batch) -> int:
    live = _LiveTensors()
    live.follow(model.parameters())
    live.follow(model.buffers())
    live.follow(inputs.values())
    with inference(model), live:
        model(**inputs)
    return live.peak_bytes


class _LiveTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storages that it has seen, each from its first appearance until nothing refers to it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak_bytes = 0
        self._sizes: dict[int, int] = {}

    def follow(self, tensors: Iterable[Any]) -> None:
        """Count the storages behind *tensors* that are new; views share one."""
        for tensor in tensors:
            if not isinstance(tensor, Tensor):
                continue
            storage = tensor.untyped_storage()
            self._note(storage, storage.nbytes())
        self.peak_bytes = max(self.peak_bytes, sum(self._sizes.values()))

    def _leave_out(self, weights: Iterable[nn.Parameter]) -> None:
        """Count nothing for weights that are new: they come from disk in the place of those that were followed."""
        for weight in weights:
            self._note(weight.untyped_storage(), 0)

    def _note(self, storage: torch.UntypedStorage, size: int) -> None:
        if id(storage) not in self._sizes:
            self._sizes[id(storage)] = size
            weakref.finalize(storage, self._sizes.pop, id(storage)).atexit = False

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        self._leave_out(each for each in args if isinstance(each, nn.Parameter))
        output = func(*args, **(kwargs or {}))
        self.follow(tree_leaves(output))
        return output

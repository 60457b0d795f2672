"""Where learning happens: on the CPU or one GPU, or on the share of one process among several.

The only place that speaks accelerate. Processes are those of ``torchrun`` or ``accelerate launch``; without either
there is one. Each takes its share of a step's batches, and gradients are added up over all of them before they are
used, so that every process holds the same weights at every step. Wrapping the model would do the same, but only for a
model called as a whole: states are heard inside.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn

T = TypeVar("T")


class Machine:
    """The device of this process, the precision that suits it, and the other processes.

    On a CPU everything is computed in float32, in one order: the same inputs give the same bits. A GPU computes in
    bfloat16, or in float16 with scaled gradients where it knows no bfloat16; weights stay float32.
    """

    def __init__(self) -> None:
        self._accelerator = Accelerator(mixed_precision=_precision(), cpu=not torch.cuda.is_available())
        self.device: torch.device = self._accelerator.device

    def autocast(self) -> AbstractContextManager[Any]:
        """Return a block in which products are computed in the machine's precision."""
        block: AbstractContextManager[Any] = self._accelerator.autocast()
        return block

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Return this process's part of *items*; with one process, all of them."""
        return items[self._accelerator.process_index :: self._accelerator.num_processes]

    def prepared(self, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        """Return *optimizer* as this machine has it step: with float16, only where no gradient has overflowed."""
        ready: torch.optim.Optimizer = self._accelerator.prepare(optimizer)
        return ready

    def backward(self, loss: Float[Tensor, ""]) -> None:
        """Add the gradients of *loss* to what the parameters hold."""
        self._accelerator.backward(loss)

    def gather(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give each parameter the sum of its gradients over all processes."""
        if self._accelerator.num_processes > 1:
            for parameter in parameters:
                grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = self._accelerator.reduce(grad, "sum")

    def clip(self, parameters: Sequence[nn.Parameter], largest: float) -> None:
        """Scale the gradients together so that their norm is at most *largest*."""
        self._accelerator.clip_grad_norm_(parameters, largest)

    def scaler(self) -> dict[str, Any] | None:
        """Return the state of float16's gradient scale, as JSON has it; None where nothing is scaled."""
        scaler = self._accelerator.scaler
        return None if scaler is None else scaler.state_dict()

    def scale_as(self, state: dict[str, Any] | None) -> None:
        """Scale gradients as when ``scaler`` gave *state*."""
        if state is not None and self._accelerator.scaler is not None:
            self._accelerator.scaler.load_state_dict(state)

    def agreed(self, value: float) -> float:
        """Return the mean of *value* over all processes, so that all of them decide alike."""
        if self._accelerator.num_processes == 1:
            return value
        return float(self._accelerator.reduce(torch.tensor(value, device=self.device), "mean"))

    @property
    def leads(self) -> bool:
        """Return whether this process is the one that writes."""
        return bool(self._accelerator.is_main_process)


def _precision() -> str:
    if not torch.cuda.is_available():
        return "no"
    return "bf16" if torch.cuda.is_bf16_supported() else "fp16"

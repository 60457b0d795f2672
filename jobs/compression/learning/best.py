"""The best state so far: looked for on batches that nobody learns from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from jobs.compression.learning.checkpoints import Snapshot


class Best:
    """The state with the smallest loss so far; the first one counts, so nothing worse is ever kept.

    Attributes:
        first: the loss before anything was learnt.
        loss: that of the best state.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], loss: Callable[[], float]) -> None:
        self._parameters, self._measure = parameters, loss
        self.first = self.loss = loss()
        self._state = self._copy()
        self._since = 0

    def look(self) -> None:
        """Measure the loss, and keep the state if it is the best."""
        now = self._measure()
        better = now < self.loss
        self._since = 0 if better else self._since + 1
        if better:
            self.loss, self._state = now, self._copy()

    def has_settled(self, patience: int) -> bool:
        """Return whether the last *patience* looks found nothing better."""
        return self._since >= patience

    def put_back(self) -> None:
        """Give the parameters the values of the best state."""
        with torch.no_grad():
            for parameter, value in zip(self._parameters, self._state, strict=True):
                parameter.copy_(value)

    def snapshot(self) -> Snapshot:
        """Return all of this."""
        facts = {"first": self.first, "loss": self.loss, "since": self._since}
        return Snapshot({str(index): value for index, value in enumerate(self._state)}, facts)

    def resume(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Be as the snapshot of *tensors* and *facts* was."""
        self.first, self.loss, self._since = facts["first"], facts["loss"], facts["since"]
        for index, value in enumerate(self._state):
            value.copy_(tensors[str(index)])

    def _copy(self) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in self._parameters]

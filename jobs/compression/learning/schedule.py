"""How long learning goes on, how fast, and on how much at once."""

from dataclasses import dataclass
from typing import Self

from jobs.contract.spec import (
    DEFAULT_CHECKPOINT_EVERY,
    DEFAULT_LEARNING_RATE,
    RecoverySpec,
)

WARM_UP = 0.1
LOOKS = 20
"""How often the held-out batches are looked at."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The course of one training.

    Attributes:
        steps: at most so many; fewer when the held-out loss stops falling.
        learning_rate: the peak, after a tenth of the course; it falls to zero.
        batch_size: sequences that a step learns from, at least; whole batches are taken until there are as many.
            None leaves it to the kind of data.
        seed: decides the order of the batches.
        max_seconds: learning ends after so long, whatever the steps; the learning rate then falls with the time. What
            comes out depends on the machine.
        checkpoint_every: a snapshot is kept each time that so many steps are done.
    """

    steps: int
    learning_rate: float = DEFAULT_LEARNING_RATE
    batch_size: int | None = None
    seed: int = 0
    max_seconds: float | None = None
    checkpoint_every: int = DEFAULT_CHECKPOINT_EVERY

    @classmethod
    def of(cls, asked: RecoverySpec) -> Self:
        """Return the course that a request asks for."""
        return cls(
            steps=asked.steps,
            learning_rate=asked.learning_rate,
            batch_size=asked.batch_size,
            seed=asked.seed,
            max_seconds=asked.max_seconds,
            checkpoint_every=asked.checkpoint_every,
        )

    def share(self, done: int, seconds: float) -> float:
        """Return which part of the course lies behind after *done* steps that took *seconds*."""
        by_steps = done / max(self.steps, 1)
        return by_steps if self.max_seconds is None else max(by_steps, seconds / self.max_seconds)

    def rate(self, share: float) -> float:
        """Return the learning rate after *share* of the course: up for a tenth, then down to zero."""
        return self.learning_rate * max(min(share / WARM_UP + WARM_UP, (1 - share) / (1 - WARM_UP), 1.0), 0.0)

    def looks_after(self, done: int) -> bool:
        """Return whether the held-out batches are looked at after so many steps."""
        return done % max(self.steps // LOOKS, 1) == 0 or done == self.steps

"""How well a linear map of frozen hidden states foretells a number.

Ridge regression on standardised features in closed form; how strongly it is held back is chosen, among powers of ten,
by the error that leaves one sample out, on the samples that it is fitted on.

Source: Hoerl & Kennard 1970 (ridge); Allen 1974 (PRESS, the error that leaves one out, in closed form).
Cost: one singular value decomposition of the features (N, D).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.contract.errors import DataUnreadableError
from jobs.contract.probes import RegressionProbe
from jobs.contract.quality import Score
from jobs.evaluation.intervals import averaged, bootstrapped
from jobs.evaluation.splitting import split
from jobs.evaluation.standardising import standardised

LEAST_SAMPLES = 20

STRENGTHS = tuple(10.0**power for power in range(-2, 7))
"""What is added to the squared singular values."""


@dataclass(frozen=True, slots=True)
class Regression:
    """A regression with its labels checked."""

    metric: ClassVar[str] = "r2"
    better: ClassVar[Literal["lower", "higher"]] = "higher"
    protocol: ClassVar[str] = (
        "Ridge regression on the last hidden states, averaged over time and standardised, of the frozen model; a "
        "quarter of the samples judges; bootstrap interval of one split."
    )

    numbers: Float[Tensor, " N"]
    seeds: tuple[int, ...]

    @classmethod
    def of(cls, probe: RegressionProbe, numbers: Sequence[float]) -> "Regression":
        """Return the regression onto *numbers*.

        Raises:
            DataUnreadableError: they are too few, or all the same.
        """
        if len(numbers) < LEAST_SAMPLES or len(set(numbers)) == 1:
            raise DataUnreadableError(
                f"Expected at least {LEAST_SAMPLES} samples and two different numbers in the column {probe.label!r}; "
                f"got {len(numbers)} samples and {len(set(numbers))} different numbers."
            )
        return cls(torch.tensor(numbers, dtype=torch.float64), probe.seeds)

    def score(self, features: Float[Tensor, "N 1 D"]) -> Score:
        """Return R², the share of the variance foretold, on samples that the fit has not seen."""
        return averaged([self._of_split(features.squeeze(1), seed) for seed in self.seeds])

    def _of_split(self, features: Tensor, seed: int) -> Score:
        fitting, judging = split(torch.zeros(len(features), dtype=torch.int64), seed)
        known, wanted = standardised(features, features[fitting]), self.numbers[judging]
        given = _fitted(known[fitting], self.numbers[fitting], known[judging])

        def foretold(places: Tensor) -> float:
            varied = (wanted[places] - wanted[places].mean()).square().sum()
            missed = (wanted[places] - given[places]).square().sum()
            return float(1 - missed / varied) if varied > 0 else float("nan")

        return bootstrapped(foretold, len(judging))


def _fitted(
    features: Float[Tensor, "F D"], numbers: Float[Tensor, " F"], asked: Float[Tensor, "J D"]
) -> Float[Tensor, " J"]:
    """Return what the ridge that leaves out best says of *asked*."""
    mean = numbers.mean()
    left, values, right = torch.linalg.svd(features, full_matrices=False)
    shares = left.T @ (numbers - mean)

    def left_out(strength: float) -> float:
        kept = values.square() / (values.square() + strength)
        leverage = left.square() @ kept + 1 / len(numbers)
        missed = (numbers - mean - left @ (kept * shares)) / (1 - leverage).clamp(min=1e-6)
        return float(missed.square().mean())

    strength = min(STRENGTHS, key=left_out)
    slopes: Tensor = right.T @ (values / (values.square() + strength) * shares)
    return mean + asked @ slopes

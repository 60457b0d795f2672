"""How well a linear map of frozen hidden states tells classes apart.

Multinomial logistic regression on standardised features, by L-BFGS in double precision to the optimum, so that the same
states give the same score. The squared weights count as much as half a sample's loss, as is usual (C = 1).
Where all layers are to be weighed, the weights of their sum (a softmax) are learnt with the map.

Source: SUPERB, Yang et al. 2021, arXiv:2105.01051 (frozen upstream, linear downstream, weighted sum of layers).
Differs: the fit is to the optimum, not some steps of training; states are averaged over time before they are weighed.
Cost: O(N D K) for each of a few hundred passes over the features.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from jobs.contract.errors import DataUnreadableError
from jobs.contract.probes import ClassificationProbe
from jobs.contract.quality import Score
from jobs.evaluation.intervals import averaged, share
from jobs.evaluation.splitting import JUDGING_PART, split
from jobs.evaluation.standardising import standardised

LEAST_OF_A_CLASS = JUDGING_PART
"""Samples of the rarest class, at least."""

MOST_ITERATIONS = 300


@dataclass(frozen=True, slots=True)
class Classification:
    """A classification with its labels checked.

    Attributes:
        classes: of the samples, counted from 0.
        seeds: of the splits.
        layers: whether all layers are weighed.
    """

    metric: ClassVar[str] = "accuracy"
    better: ClassVar[Literal["lower", "higher"]] = "higher"

    classes: Int[Tensor, " N"]
    seeds: tuple[int, ...]
    layers: bool = False

    @classmethod
    def of(cls, probe: ClassificationProbe, labels: Sequence[str]) -> "Classification":
        """Return the classification into *labels*.

        Raises:
            DataUnreadableError: there is one class only, or too few samples of one.
        """
        counts = Counter(labels)
        if len(counts) == 1:
            raise DataUnreadableError(
                f"Expected at least two classes in the column {probe.label!r}; every row has {labels[0]!r}."
            )
        if rare := sorted(label for label, count in counts.items() if count < LEAST_OF_A_CLASS):
            raise DataUnreadableError(
                f"Expected at least {LEAST_OF_A_CLASS} samples of each class in the column {probe.label!r}; "
                f"{len(rare)} of {len(counts)} have fewer, as {', '.join(rare[:3])}. Remove them, or use more samples."
            )
        places = {label: place for place, label in enumerate(sorted(counts))}
        return cls(torch.tensor([places[label] for label in labels]), probe.seeds, probe.layer == "weighted")

    @property
    def protocol(self) -> str:
        """Return how it is measured."""
        what = "a learnt weighted sum of all layers" if self.layers else "the last hidden states"
        return (
            f"Logistic regression on {what}, averaged over time and standardised, of the frozen model; a quarter of "
            "each class judges; Wilson's interval of one split."
        )

    def score(self, features: Float[Tensor, "N L D"]) -> Score:
        """Return the accuracy on samples that the fit has not seen."""
        return averaged([self._of_split(features, seed) for seed in self.seeds])

    def _of_split(self, features: Tensor, seed: int) -> Score:
        fitting, judging = split(self.classes, seed)
        known = standardised(features, features[fitting])
        logits = _fitted(known[fitting], self.classes[fitting], int(self.classes.max()) + 1)(known[judging])
        return share(int((logits.argmax(dim=1) == self.classes[judging]).sum()), len(judging))


class _Map(nn.Module):
    """Class logits of a weighted sum of layers."""

    def __init__(self, layers: int, width: int, classes: int) -> None:
        super().__init__()
        self.mixture = nn.Parameter(torch.zeros(layers, dtype=torch.float64))
        self.weight = nn.Parameter(torch.zeros(width, classes, dtype=torch.float64))
        self.bias = nn.Parameter(torch.zeros(classes, dtype=torch.float64))

    def forward(self, features: Float[Tensor, "N L D"]) -> Float[Tensor, "N K"]:
        """Return the logits."""
        mixed: Tensor = torch.einsum("l,nld->nd", self.mixture.softmax(dim=0), features)
        return mixed @ self.weight + self.bias


def _fitted(features: Float[Tensor, "F L D"], classes: Int[Tensor, " F"], count: int) -> _Map:
    """Return the map that fits best, its weights held small."""
    fit = _Map(features.shape[1], features.shape[2], count)
    search = torch.optim.LBFGS(
        fit.parameters(), max_iter=MOST_ITERATIONS, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        search.zero_grad()
        penalty = fit.weight.square().sum() / (2 * len(classes))
        found: Tensor = nn.functional.cross_entropy(fit(features), classes) + penalty
        torch.autograd.backward(found)
        return found

    search.step(loss)  # type: ignore[no-untyped-call]  # torch leaves this one out
    return fit.requires_grad_(requires_grad=False)

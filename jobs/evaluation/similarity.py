"""Whether a model's embeddings rank pairs of texts as people do; nothing is fitted.

Source: Cer et al. 2017, arXiv:1708.00055 (STS Benchmark); Reimers & Gurevych 2019, arXiv:1908.10084 (cosine of means).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from jobs.contract.errors import DataUnreadableError
from jobs.contract.probes import SimilarityProbe
from jobs.contract.quality import Score
from jobs.evaluation.intervals import bootstrapped

LEAST_PAIRS = 10


@dataclass(frozen=True, slots=True)
class Similarity:
    """A comparison with people's scores, checked."""

    metric: ClassVar[str] = "spearman"
    better: ClassVar[Literal["lower", "higher"]] = "higher"
    seeds: ClassVar[tuple[int, ...]] = ()
    protocol: ClassVar[str] = (
        "Spearman's correlation of the given scores with the cosine of two texts' last hidden states, averaged over "
        "tokens; nothing is fitted; bootstrap interval over pairs."
    )

    wanted: Float[Tensor, " N"]

    @classmethod
    def of(cls, probe: SimilarityProbe, numbers: Sequence[float]) -> "Similarity":
        """Return the comparison with *numbers*, one a pair.

        Raises:
            DataUnreadableError: they are too few, or all the same.
        """
        if len(numbers) < LEAST_PAIRS or len(set(numbers)) == 1:
            raise DataUnreadableError(
                f"Expected at least {LEAST_PAIRS} pairs and two different scores in the column {probe.label!r}; "
                f"got {len(numbers)} pairs and {len(set(numbers))} different scores."
            )
        return cls(torch.tensor(numbers, dtype=torch.float64))

    def score(self, features: Float[Tensor, "2N 1 D"]) -> Score:
        """Return the correlation; of *features* the first half is of the first texts, the rest of the second ones."""
        first, second = features.squeeze(1).chunk(2)
        given = nn.functional.cosine_similarity(first, second)
        return bootstrapped(lambda places: spearman(self.wanted[places], given[places]), len(given))


def spearman(first: Float[Tensor, " N"], second: Float[Tensor, " N"]) -> float:
    """Return the correlation of the ranks, those of equals averaged; NaN where all are equal."""
    ranks = torch.stack([_ranks(first), _ranks(second)])
    return float(torch.corrcoef(ranks)[0, 1])


def _ranks(values: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    _, places, counts = torch.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum(dim=0).double()
    ranks: Tensor = (last - (counts - 1) / 2)[places]
    return ranks

"""How far a score may be off: 95 % intervals over the samples that a model was judged on.

Source: Wilson 1927, J. Am. Stat. Assoc. 22:209 (shares); Efron 1979, Ann. Statist. 7:1 (bootstrap by percentiles).
"""

from collections.abc import Callable, Sequence
from math import sqrt
from statistics import fmean

import torch
from torch import Tensor

from jobs.contract.quality import Score

Z = 1.959964
"""Of the normal distribution, 95 % lie within as many standard deviations."""

DRAWS = 1000
"""Resamples of the bootstrap."""


def share(right: int, samples: int) -> Score:
    """Return the share of *samples* that are *right*, with Wilson's interval."""
    value, spread = right / samples, Z**2 / samples
    middle = (value + spread / 2) / (1 + spread)
    half = Z * sqrt(value * (1 - value) / samples + spread / (4 * samples)) / (1 + spread)
    return Score(value, max(0.0, middle - half), min(1.0, middle + half), samples)


def bootstrapped(statistic: Callable[[Tensor], float], samples: int, *, seed: int = 0) -> Score:
    """Return *statistic* of all *samples*, with the interval of what it is on samples drawn with replacement.

    Args:
        statistic: from places of samples to the score; NaN where it has none.
        samples: how many there are.
        seed: of the draws.
    """
    chance = torch.Generator().manual_seed(seed)
    draws = [statistic(torch.randint(samples, (samples,), generator=chance)) for _ in range(DRAWS)]
    ends = torch.tensor(draws, dtype=torch.float64).nanquantile(torch.tensor([0.025, 0.975], dtype=torch.float64))
    return Score(statistic(torch.arange(samples)), float(ends[0]), float(ends[1]), samples)


def averaged(scores: Sequence[Score]) -> Score:
    """Return the mean of *scores*, one a seed, and of the ends of their intervals.

    It is as wide as that of one split: several splits of the same samples are no new samples.
    """
    return Score(
        fmean(score.value for score in scores),
        fmean(score.low for score in scores),
        fmean(score.high for score in scores),
        min(score.samples for score in scores),
    )

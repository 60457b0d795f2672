"""Another sampling rate for a waveform.

Source: band-limited interpolation with a windowed sinc (J. O. Smith, Digital Audio Resampling, 2002): each new sample
is the weighted sum of the old ones around its moment. For a ratio of old to new rate of p / q in lowest terms only q
sets of weights occur; they are computed once for each pair of rates.
Cost: O(new samples × taps), taps = 2 × ZEROS × max(1, p / q) / ROLLOFF + 2.
"""

from fractions import Fraction
from functools import lru_cache
from math import ceil

import torch
from torch import Tensor, nn

ZEROS = 32
"""Zero crossings of the sinc on each side."""

BETA = 9.0
"""Of the Kaiser window over it: aliases lie 80 dB below the signal."""

ROLLOFF = 0.94
"""Middle of the filter's slope, as a share of the lower rate's band; what lies below 0.85 passes unchanged."""

CHUNK = 16_384
"""New samples computed at a time, which bounds the memory."""


def resample(wave: Tensor, old_rate_hz: int, new_rate_hz: int) -> Tensor:
    """Return *wave* (T,) at *new_rate_hz*: (ceil(T × new / old),) of float32."""
    if old_rate_hz == new_rate_hz:
        return wave
    step = Fraction(old_rate_hz, new_rate_hz)
    weights = _weights(step)
    around = weights.shape[1] // 2
    windows = nn.functional.pad(wave.float(), (around - 1, around)).unfold(0, weights.shape[1], 1)
    places = torch.arange(ceil(len(wave) / step)) * step.numerator  # integers: no rounding, however long the wave
    parts = [
        (windows[place // step.denominator] * weights[place % step.denominator]).sum(dim=1)
        for place in places.tensor_split(tuple(range(CHUNK, len(places), CHUNK)))
    ]
    return torch.cat(parts)


@lru_cache(maxsize=4)
def _weights(step: Fraction) -> Tensor:
    """Return the filters (q, taps): row i weights the old samples around a moment that is i / q past one of them."""
    cutoff = ROLLOFF * min(1.0, float(1 / step))  # zero crossings in one old sample
    around = ceil(ZEROS / cutoff)
    past = torch.arange(step.denominator, dtype=torch.float64) / step.denominator
    distance = (torch.arange(1 - around, around + 1) - past.unsqueeze(1)) * cutoff
    inside = (1 - (distance / ZEROS).square()).clamp(min=0).sqrt()
    window = torch.special.i0(BETA * inside) / torch.special.i0(torch.tensor(BETA, dtype=torch.float64))
    weights: Tensor = torch.sinc(distance) * window * cutoff
    return weights.float()

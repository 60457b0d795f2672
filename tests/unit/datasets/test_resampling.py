"""Which samples are chosen, and recordings at another rate."""

import math

import pytest
import torch

from jobs.datasets.files import spread
from jobs.datasets.resampling import resample


@pytest.mark.parametrize("total", [0, 3, 4, 5, 7, 8, 9, 100, 1001])
def test_a_spread_is_even_and_in_order(total: int) -> None:
    """Up to four of any number of items come back, in order, from the whole range."""
    chosen = spread(range(total), 4)

    assert len(chosen) == min(total, 4)
    assert chosen == sorted(set(chosen))
    assert not chosen or chosen[-1] >= total // 2


def sine(frequency: float, rate: int, seconds: float = 0.5) -> torch.Tensor:
    """Return a tone."""
    return torch.sin(2 * math.pi * frequency * torch.arange(int(rate * seconds), dtype=torch.float64) / rate).float()


@pytest.mark.parametrize(
    ("old", "new", "frequency"),
    [
        (8_000, 16_000, 440),
        (8_000, 16_000, 3_300),
        (44_100, 16_000, 6_700),
        (48_000, 16_000, 1_000),
        (22_050, 16_000, 5_000),
        (11_025, 16_000, 1_000),
        (16_000, 8_000, 1_000),
    ],
)
def test_a_resampled_tone_is_the_same_tone(old: int, new: int, frequency: float) -> None:
    """Away from its ends, a tone below 85 % of the lower band comes out within 1e-4 of the exact one."""
    found, exact = resample(sine(frequency, old), old, new), sine(frequency, new)

    assert len(found) == math.ceil(old * 0.5 * new / old)
    middle = slice(400, min(len(found), len(exact)) - 400)
    assert float((found[middle] - exact[middle]).abs().max()) < 1e-4


@pytest.mark.parametrize("frequency", [8_300, 10_000, 20_000])
def test_what_the_new_rate_cannot_hold_is_gone(frequency: float) -> None:
    """A tone above the new band leaves less than 1e-4 behind instead of another tone."""
    found = resample(sine(frequency, 48_000), 48_000, 16_000)

    assert float(found[400:-400].abs().max()) < 1e-4


def test_an_equal_rate_changes_nothing() -> None:
    """At the same rate the very same samples come back."""
    wave = sine(440, 16_000)

    assert torch.equal(resample(wave, 16_000, 16_000), wave)

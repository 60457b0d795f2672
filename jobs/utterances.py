"""Sets of utterances that figures are published for: how long each of them is.

MACs grow faster than the length of speech, so that figures per second compare only over the same lengths.
"""

from collections.abc import Mapping
from dataclasses import replace

from jobs.contract.spec import InputPreset, InputSpec

SAMPLING_RATE = 16_000
"""Samples per second of the speech models' waveforms."""

SUPERB_SAMPLES = (
    20560, 34560, 38480, 42560, 45600, 48720, 52000, 55120, 59120, 62720, 66400, 71200, 75200, 78640, 82800, 87520,
    92720, 98560, 104400, 111120, 118480, 125040, 132720, 142640, 154000, 166720, 180880, 197920, 217920, 239280,
    268160, 326000,
)  # fmt: skip
"""The 32 utterances of SUPERB's profiler, 224.86 s in all (Feng et al. 2022, arXiv:2210.08634)."""

SAMPLES: Mapping[InputPreset, tuple[int, ...]] = {"superb": SUPERB_SAMPLES}
"""Samples of each utterance of a set."""


def inputs_within(spec: InputSpec) -> tuple[InputSpec, ...]:
    """Return what *spec* stands for: itself, or an input for each utterance of its set."""
    if spec.preset is None:
        return (spec,)
    return tuple(replace(spec, preset=None, seconds=each / SAMPLING_RATE) for each in SAMPLES[spec.preset])

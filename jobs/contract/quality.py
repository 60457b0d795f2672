"""What a report says about quality: closeness to the dense model, and the worth of the output for a caller's tasks."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class LayerFidelity:
    """How close the hidden states of one layer are to those of the same layer of the dense model.

    Attributes:
        layer: its place in the compressed model, counted from 0 at the bottom.
        of: the place that it has in the dense model.
        cosine: mean cosine over positions that are not padding.
        cka: linear centred kernel alignment over the same positions: 1 where the states differ by a rotation and a
            scale alone, as the layers above could make up for.
        relative_error: Frobenius norm of the difference over that of the dense states.
    """

    layer: int
    of: int
    cosine: float
    cka: float
    relative_error: float


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How close the compressed model's last hidden states are to the dense model's.

    Attributes:
        cosine: mean cosine over positions that are not padding.
        relative_error: Frobenius norm of the difference over that of the dense output.
        samples: sequences compared.
        source: ``held_out`` (part of the request's data that no step has seen), ``calibration`` (too little to hold
            any out) or ``synthetic`` (random inputs: says little about quality).
        layers: the same layer by layer, bottom first; empty for a model that went by layers from disk to disk.
    """

    cosine: float
    relative_error: float
    samples: int
    source: str
    layers: tuple[LayerFidelity, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """What a probe found of one model.

    Attributes:
        value: in the probe's metric.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        samples: that it was judged on; the probe's fit has seen none of them.
    """

    value: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What the model's frozen output is worth for a task of the caller's, before and after.

    Attributes:
        probe: which kind.
        label: the column of labels.
        metric: what its scores are in.
        better: ``lower`` or ``higher``.
        seeds: over which the scores are averaged.
        dense: of the source.
        before_recovery: of the result before recovery, where there was one.
        compressed: of the result.
        control: of the source itself after the steps of the recovery, where asked for.
        protocol: how it was measured, in a sentence.
    """

    probe: str
    label: str
    metric: str
    better: Literal["lower", "higher"]
    seeds: tuple[int, ...]
    dense: Score
    compressed: Score
    protocol: str
    before_recovery: Score | None = None
    control: Score | None = None


@dataclass(frozen=True, slots=True)
class ProbeScore:
    """What the frozen output of one model, as it is, is worth for a task of the caller's.

    Attributes:
        probe: which kind.
        label: the column of labels.
        metric: what its score is in.
        better: ``lower`` or ``higher``.
        seeds: over which the score is averaged.
        score: of the model.
        protocol: how it was measured, in a sentence.
    """

    probe: str
    label: str
    metric: str
    better: Literal["lower", "higher"]
    seeds: tuple[int, ...]
    score: Score
    protocol: str

"""What a result is judged by: batches that no step has seen, or where there is no data, a short made-up one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from transformers import PreTrainedModel

from jobs.batches import Batch, Batches, ListBatches, held_out
from jobs.compression.anatomy import Anatomy
from jobs.contract.quality import Fidelity, Score
from jobs.contract.spec import InputKind, InputSpec
from jobs.evaluation.fidelity import Pairing
from jobs.inputs import longest_audio, longest_text, synthetic_batch

JUDGING_BATCHES = 4
"""Batches that fidelity is measured on, at most; and as many at most decide what is kept of what is learnt."""

SHORT_INPUTS: Mapping[InputKind, InputSpec] = {
    "text": InputSpec("text", tokens=32),
    "audio": InputSpec("audio", seconds=1.0),
    "image": InputSpec("image"),
}
"""Small inputs: enough to verify a reload and, without data, to compare two models."""


@dataclass(frozen=True, slots=True)
class Judging:
    """What a result is judged by, which no step has seen.

    Attributes:
        batches: for fidelity.
        source: where they come from, as the report names it.
        deciding: others, for learning to choose by; None where there are too few.
    """

    batches: Batches
    source: str
    deciding: Batches | None = None


@final  # so that one is never falsy
@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found of one model: its closeness to the dense one, and the score of each probe."""

    fidelity: Fidelity
    scores: tuple[Score, ...] = ()


def short_batch(model: PreTrainedModel, anatomy: Anatomy) -> Batch:
    """Return a short made-up input that *model* can take."""
    wanted = SHORT_INPUTS[anatomy.modality]
    if wanted.tokens is not None:
        wanted = replace(wanted, tokens=min(wanted.tokens, longest_text(model.config)))
    if wanted.seconds is not None:
        wanted = replace(wanted, seconds=min(wanted.seconds, longest_audio(model.config)))
    return synthetic_batch(anatomy.modality, model.config, wanted)


def synthetic(probe: Batch) -> Judging:
    """Return what judges a result where there is no data."""
    return Judging(ListBatches([probe]), "synthetic")


def divided(everything: Batches) -> tuple[Batches, Judging]:
    """Return the batches that the steps may learn from, and what judges the result and no step sees."""
    learning, judging = held_out(everything)
    if len(everything) == 1:
        return learning, Judging(judging, "calibration")
    judged, deciding = (ListBatches(list(judging)[first::2][:JUDGING_BATCHES]) for first in (0, 1))
    return learning, Judging(judged, "held_out", deciding)


def paired(
    anatomy: Anatomy, dense: PreTrainedModel, compressed: PreTrainedModel, achieved: Iterable[Mapping[str, Any]]
) -> Pairing:
    """Return which layer of *dense* each layer of *compressed* was, after steps that *achieved* this."""
    of = tuple(range(anatomy.depth(dense)))
    for each in achieved:
        if "layers_kept" in each:
            of = tuple(of[place] for place in each["layers_kept"])
    return Pairing(anatomy.encoder(dense), anatomy.encoder(compressed), of)

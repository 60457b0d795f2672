"""Label-free recovery: the compressed model learns to give the dense model's hidden states.

Every layer learns the state that its counterpart gives, and the last one the model's output. Batches that no step and
no learning has seen decide, by the output alone, which state is kept; the one before recovery takes part, so the model
never gets worse on them.

Source: DistilHuBERT, arXiv:2110.01900 (matching hidden states); see ``learning/losses.py``.
Differs: layers are matched one for one where there are as many; only the layers learn.
Cost: a step is one teacher pass and one training step of the student.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from transformers import PreTrainedModel

from jobs.batches import Batches, ListBatches
from jobs.compression.anatomy import anatomy_of
from jobs.compression.learning.checkpoints import Checkpoints
from jobs.compression.learning.matching import Losses, Matching
from jobs.compression.learning.schedule import Schedule
from jobs.compression.learning.training import Course, train
from jobs.compression.technique import Progress
from jobs.contract.errors import DataRequiredError

LOSSES = Losses(hidden=10.0)
"""What is learnt from: the states of the layers above all, which say more of a sequence than the output alone."""

DECIDING_EVERY = 8
"""One batch in so many decides, where the caller has held out none."""


@dataclass(frozen=True, slots=True)
class RecoveryOutcome:
    """What learning did.

    Attributes:
        before, after: the loss of the output on the deciding batches; *after* is never larger.
        steps: steps taken.
        notes: what a reader of the report should know.
    """

    before: float
    after: float
    steps: int
    notes: tuple[str, ...] = ()


def evenly_spaced(count: int, present: int) -> tuple[int, ...]:
    """Return *count* indices of *present*, the first and the last among them; of one, the last."""
    if count == 1:
        return (present - 1,)
    return tuple(index * (present - 1) // (count - 1) for index in range(count))


def set_apart(batches: Batches, deciding: Batches | None = None) -> tuple[Batches, Batches]:
    """Return what is learnt from and what decides: *deciding* where there is any, else every eighth of *batches*.

    A single batch does both.

    Raises:
        DataRequiredError: there is not a single batch.
    """
    every = list(batches)
    if not every:
        raise DataRequiredError("Recovery learns from data, and there is none. Add a data reference.")
    if deciding is not None and len(deciding):
        return batches, deciding
    if len(every) == 1:
        return batches, batches
    chosen = range(min(DECIDING_EVERY // 2, len(every) - 1), len(every), DECIDING_EVERY)
    learning = [batch for index, batch in enumerate(every) if index not in chosen]
    return ListBatches(learning), ListBatches([every[index] for index in chosen])


def recover(
    model: PreTrainedModel,
    teacher: PreTrainedModel,
    batches: Batches,
    schedule: Schedule,
    progress: Progress,
    *,
    deciding: Batches | None = None,
    layers: Sequence[int] | None = None,
    losses: Losses | None = None,
    checkpoints: Checkpoints | None = None,
) -> RecoveryOutcome:
    """Train *model* in place to imitate *teacher*, and say how far it came.

    Exact zeros of the projections are pruned weights and stay zero. Modes, gradients and flags of both models are as
    before afterwards; the same seed gives the same weights.

    Args:
        model: the student, whose width is the teacher's.
        teacher: the dense model.
        batches: what is learnt from.
        schedule: how long, how fast.
        progress: called after each step.
        deciding: what decides which state is kept; best if no step was fitted on it. Every eighth of *batches* if
            left out, which is then not learnt from.
        layers: the teacher's layer for each of the student's; evenly spaced if left out.
        losses: what counts; ``LOSSES`` if left out.
        checkpoints: where snapshots go, and where one may be to go on from.

    Raises:
        DataRequiredError: there is not a single batch.
    """
    learning, chosen = set_apart(batches, deciding)
    matching = _matching(model, teacher, layers, losses or LOSSES)
    course = train(matching, list(learning), list(chosen), schedule, progress, checkpoints=checkpoints)
    notes = _notes(course, schedule, alone=learning is chosen)
    return RecoveryOutcome(course.before, course.after, course.steps, notes)


def control(
    dense: PreTrainedModel,
    batches: Batches,
    schedule: Schedule,
    progress: Progress,
    *,
    checkpoints: Checkpoints | None = None,
) -> PreTrainedModel:
    """Return a copy of *dense* that has learnt from *dense* itself as a recovery with *schedule* would.

    There is nothing to gain: what it loses is what learning alone costs, and a recovered model is read beside it.

    Raises:
        DataRequiredError: there is not a single batch.
    """
    copy = deepcopy(dense)
    learning, chosen = set_apart(batches)
    matching = _matching(copy, dense, None, LOSSES)
    train(matching, list(learning), list(chosen), schedule, progress, checkpoints=checkpoints, choose=False)
    return copy


def _matching(
    model: PreTrainedModel, teacher: PreTrainedModel, layers: Sequence[int] | None, losses: Losses
) -> Matching:
    anatomy = anatomy_of(model)
    depths = anatomy.depth(model), anatomy.depth(teacher)
    return Matching(model, teacher, anatomy, evenly_spaced(*depths) if layers is None else layers, losses)


def _notes(course: Course, schedule: Schedule, *, alone: bool) -> tuple[str, ...]:
    done, limit = course.steps, schedule.max_seconds
    in_time = limit is None or course.seconds < limit
    return tuple(
        note
        for note, applies in (
            (f"Learning stopped after {done} of {schedule.steps} steps: the held-out loss had settled.", in_time),
            (f"Learning stopped after {done} of {schedule.steps} steps: its {limit} seconds were over.", not in_time),
        )
        if applies and done < schedule.steps
    ) + tuple(
        note
        for note, applies in (
            ("Learning was limited by time, so the same request may give other weights next time.", limit is not None),
            (f"Learning was interrupted, and went on after {course.resumed} steps.", course.resumed > 0),
            ("Learning did not help, so the state before it was kept.", course.after >= course.before),
            ("There was only one batch: what was learnt was also what decided.", alone),
        )
        if applies
    )

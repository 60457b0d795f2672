"""Label-free recovery: the compressed model learns to give the dense model's hidden states.

For matched hidden states s (student) and t (teacher), over the positions that are not padding:
``loss = mean |s - t| / mean |t| + (1 - mean cos(s, t))``, averaged over the matched layers; the student's output is
always matched with the teacher's. Held-out batches decide, by the loss of the output alone, which state is kept; the
state before recovery takes part, so the model never gets worse on them.

Source: DistilHuBERT, arXiv:2110.01900, eq. 1; DPHuBERT, arXiv:2305.17651 (1 - cos instead of log sigmoid).
Differs: the distance is relative to the teacher's size, so that one learning rate serves every family; the student
learns without dropout, layer drop or masking, which would only add noise to a matching; only the layers learn.
Cost: a step is one teacher pass and one training step of the student.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import Batch, Batches, device_of, inference, to_device
from jobs.compression.anatomy import Anatomy, anatomy_of
from jobs.compression.surgery import mask
from jobs.compression.technique import Progress
from jobs.contract.errors import DataRequiredError

CLIP = 1.0
WARM_UP = 0.1
HELD_OUT = 8
"""One batch in so many is held out."""
CHECKS = 10
"""How often the held-out batches are looked at."""
PATIENCE = 3
"""Looks without gain after which learning ends."""


@dataclass(frozen=True, slots=True)
class RecoveryOutcome:
    """What learning did.

    Attributes:
        before, after: the loss of the output on the held-out batches; *after* is never larger.
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


def recover(
    model: PreTrainedModel,
    teacher: PreTrainedModel,
    batches: Batches,
    *,
    steps: int,
    learning_rate: float,
    seed: int,
    progress: Progress,
    layers: Sequence[int] | None = None,
) -> RecoveryOutcome:
    """Train *model* in place to imitate *teacher*, and say how far it came.

    Exact zeros of the projections are pruned weights and stay zero. Modes, gradients and flags of both models are as
    before afterwards; the same seed gives the same weights.

    Args:
        model: the student, whose width is the teacher's.
        teacher: the dense model.
        batches: data; the last eighth of it is held out.
        steps: at most so many; fewer when the held-out loss stops falling.
        learning_rate: the peak, after a tenth of the steps; it falls to zero.
        seed: decides the order of the batches.
        progress: called after each step.
        layers: the teacher's layer for each of the student's; evenly spaced if left out.

    Raises:
        DataRequiredError: there is not a single batch.
    """
    learn, held_out = _split(list(batches))
    pair = _pair(model, teacher, layers)
    with _learning(model, pair.anatomy.encoder(model)) as parameters:
        best = _Best(parameters, lambda: pair.output_loss(held_out))
        optimizer = torch.optim.AdamW(parameters, lr=learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: _ramp(done / max(steps, 1)))
        pruned = _pruned(pair)
        done = 0
        for done, batch in enumerate(_shuffled(learn, steps, seed), start=1):
            _descend(pair.loss(batch), optimizer)
            schedule.step()
            for parameter, zeros in pruned:
                mask(parameter, zeros)
            progress(done, steps, "learning")
            if done % max(steps // CHECKS, 1) == 0 and best.has_settled():
                break
        best.put_back()
    progress(steps, steps, "learnt")
    return RecoveryOutcome(best.first, best.loss, done, _notes(best, done, steps, alone=learn is held_out))


@dataclass(frozen=True, slots=True)
class _Pair:
    student: PreTrainedModel
    teacher: PreTrainedModel
    anatomy: Anatomy
    layers: Sequence[int]

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Return the mean distance of all matched states."""
        states, targets, real = self._states(batch)
        distances = [_distance(state, target, real) for state, target in zip(states, targets, strict=True)]
        return torch.stack(distances).mean()

    def output_loss(self, batches: Sequence[Batch]) -> float:
        """Return the mean distance of the outputs."""
        with inference(self.student):
            found = [self._states(batch) for batch in batches]
            return sum(float(_distance(states[-1], targets[-1], real)) for states, targets, real in found) / len(found)

    def _states(self, batch: Batch) -> tuple[list[Tensor], list[Tensor], Bool[Tensor, "B T"] | None]:
        here = to_device(batch, device_of(self.student))
        with inference(self.teacher):
            every = _hidden_states(self.teacher, self.anatomy.encoder(self.teacher), here)
        states = _hidden_states(self.student, self.anatomy.encoder(self.student), here)
        targets = [*(every[layer] for layer in self.layers[:-1]), every[-1]]
        return states, targets, self.anatomy.real_positions(self.student, here, states[-1].shape[1])


class _Best:
    """The state with the smallest loss so far; the first one counts."""

    def __init__(self, parameters: Sequence[nn.Parameter], loss: Callable[[], float]) -> None:
        self._parameters, self._measure = parameters, loss
        self.first = self.loss = loss()
        self._state = self._copy()
        self._since = 0

    def has_settled(self) -> bool:
        """Look at the loss, keep the state if it is the best, and return whether it stopped getting better."""
        now = self._measure()
        self._since = 0 if now < self.loss else self._since + 1
        if now < self.loss:
            self.loss, self._state = now, self._copy()
        return self._since >= PATIENCE

    def put_back(self) -> None:
        """Give the parameters the values of the best state."""
        with torch.no_grad():
            for parameter, value in zip(self._parameters, self._state, strict=True):
                parameter.copy_(value)

    def _copy(self) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in self._parameters]


def _pair(model: PreTrainedModel, teacher: PreTrainedModel, layers: Sequence[int] | None) -> _Pair:
    anatomy = anatomy_of(model)
    depths = len(anatomy.encoder(model)), len(anatomy.encoder(teacher))
    return _Pair(model, teacher, anatomy, evenly_spaced(*depths) if layers is None else layers)


def _hidden_states(model: PreTrainedModel, stack: nn.ModuleList, batch: Batch) -> list[Float[Tensor, "B T D"]]:
    """Return what each layer gives, bottom first, and for the last one the model's output.

    Own hooks, gone afterwards: transformers' ``output_hidden_states`` would leave its hooks in the model for good.
    """
    states: list[Tensor] = []
    handles = [layer.register_forward_hook(lambda *heard: states.append(heard[2])) for layer in stack[:-1]]
    try:
        output: Tensor = model.base_model(**batch).last_hidden_state
    finally:
        for handle in handles:
            handle.remove()
    return [*states, output]


def _distance(
    student: Float[Tensor, "B T D"], teacher: Float[Tensor, "B T D"], real: Bool[Tensor, "B T"] | None
) -> Float[Tensor, ""]:
    s, t = (student, teacher) if real is None else (student[real], teacher[real])
    apart = (s - t).abs().mean() / t.abs().mean()
    return apart + 1 - nn.functional.cosine_similarity(s, t, dim=-1).mean()


def _split(batches: list[Batch]) -> tuple[list[Batch], list[Batch]]:
    if not batches:
        raise DataRequiredError("Recovery learns from data, and there is none. Add a data reference.")
    held_out = max(len(batches) // HELD_OUT, 1)
    return (batches, batches) if len(batches) == 1 else (batches[:-held_out], batches[-held_out:])


def _shuffled(batches: Sequence[Batch], steps: int, seed: int) -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(seed)
    order: list[int] = []
    for _ in range(steps):
        order = order or torch.randperm(len(batches), generator=generator).tolist()
        yield batches[order.pop()]


def _descend(loss: Float[Tensor, ""], optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], CLIP)
    optimizer.step()


def _ramp(share: float) -> float:
    """Return the part of the peak learning rate after *share* of the steps: up for a tenth, then down to zero."""
    return min(share / WARM_UP + WARM_UP, (1 - share) / (1 - WARM_UP), 1.0)


def _pruned(pair: _Pair) -> list[tuple[nn.Parameter, Bool[Tensor, "..."]]]:
    slots = [slot for layer in pair.anatomy.layers(pair.student) for slot in layer.slots]
    zeros = [(parameter, parameter == 0) for slot in slots for parameter in slot.linear.parameters()]
    return [(parameter, where) for parameter, where in zeros if where.any()]


@contextmanager
def _learning(model: PreTrainedModel, part: nn.Module) -> Iterator[list[nn.Parameter]]:
    """Run the block with only *part* of *model* learning, in evaluation mode; leave flags and modes as they were."""
    asked = {parameter: parameter.requires_grad for parameter in model.parameters()}
    training = [module for module in model.modules() if module.training]
    model.eval().requires_grad_(requires_grad=False)
    part.requires_grad_(requires_grad=True)
    try:
        yield list(part.parameters())
    finally:
        for parameter, flag in asked.items():
            parameter.requires_grad_(flag).grad = None
        for module in training:
            module.training = True


def _notes(best: _Best, done: int, steps: int, *, alone: bool) -> tuple[str, ...]:
    return tuple(
        note
        for note, applies in (
            (f"Learning stopped after {done} of {steps} steps: the held-out loss had settled.", done < steps),
            ("Learning did not help, so the state before it was kept.", best.loss >= best.first),
            ("There was only one batch: what was learnt was also what decided.", alone),
        )
        if applies
    )

"""The training loop: one student, one teacher, no labels.

The same seed on the same machine gives the same weights, to the bit, also when learning was interrupted after any
snapshot and taken up again. Nothing is left to chance but the order of the batches and the mixing of text: the student
learns in evaluation mode, for dropout, layer drop and masking would only add noise to a matching.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch
from jaxtyping import Bool
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import Batch, device_of
from jobs.compression.learning.best import Best
from jobs.compression.learning.checkpoints import Checkpoints, Snapshot
from jobs.compression.learning.machine import Machine
from jobs.compression.learning.matching import Matching
from jobs.compression.learning.mixing import mixed
from jobs.compression.learning.schedule import LOOKS, Schedule
from jobs.compression.learning.whitening import WhitenedAdam, whitening_of
from jobs.compression.surgery import mask
from jobs.compression.technique import Progress
from jobs.contract.spec import LEARNING_BATCH, canonical_json

SNAPSHOT_VERSION = 2
"""Goes up when a step is taken in another way, or a snapshot holds something else: older ones count no more."""

CLIP = 1.0
"""Largest norm of a step's gradient."""
PATIENCE = LOOKS * 3 // 4
"""Looks without gain after which learning ends: it is while the learning rate falls that most is gained."""


@dataclass(frozen=True, slots=True)
class Course:
    """What learning did.

    Attributes:
        before, after: the loss of the output on the deciding batches, before and of what was kept.
        steps: steps taken.
        resumed: the steps of them that an interrupted attempt had taken.
        seconds: how long they took, all attempts together.
    """

    before: float
    after: float
    steps: int
    resumed: int
    seconds: float


def train(
    matching: Matching,
    learning: Sequence[Batch],
    deciding: Sequence[Batch],
    schedule: Schedule,
    progress: Progress,
    *,
    checkpoints: Checkpoints | None = None,
    choose: bool = True,
) -> Course:
    """Train the student in place, and say how far it came.

    Exact zeros of the projections are pruned weights and stay zero. Modes, gradients, flags and places of both models
    are as before afterwards.

    Args:
        matching: student and teacher.
        learning: what is learnt from.
        deciding: what decides which state is kept: the best of those looked at, the one before learning included.
        schedule: how long, how fast.
        progress: called after each step.
        checkpoints: where snapshots go, and where one may be that this very training left behind.
        choose: False keeps the last state, whatever it is.
    """
    machine = Machine()
    with _opened(matching), _placed(machine.device, matching), _learning(matching) as parameters:
        training = _Training(matching, parameters, (learning, deciding), schedule, machine)
        resumed = training.resume(checkpoints)
        while not training.is_over():
            training.step()
            if checkpoints is not None and machine.leads and _is_time(checkpoints, schedule, training.done):
                checkpoints.save(training.snapshot())
            progress(training.done, schedule.steps, "learning")
        if choose:
            training.best.put_back()
    progress(schedule.steps, schedule.steps, "learnt")
    best = training.best
    return Course(best.first, best.loss, training.done, resumed, training.seconds)


class _Training:
    """One training under way; all that its next step depends on goes into a snapshot."""

    def __init__(
        self,
        matching: Matching,
        parameters: Sequence[nn.Parameter],
        data: tuple[Sequence[Batch], Sequence[Batch]],
        schedule: Schedule,
        machine: Machine,
    ) -> None:
        learning, deciding = data
        self._matching, self._parameters, self._schedule, self._machine = matching, parameters, schedule, machine
        self._learning = learning
        wanted = schedule.batch_size or LEARNING_BATCH[matching.anatomy.modality]
        self._wanted = min(wanted, sum(map(_sequences, learning)))
        self._optimizer = WhitenedAdam(parameters, whitening_of(matching, learning), machine)
        self._chance = torch.Generator().manual_seed(schedule.seed)
        self._order: list[int] = []
        self._passes = 0
        self._pruned = _pruned(matching)
        self._identity = _identity(matching, parameters, len(learning), schedule)
        self.done, self.seconds = 0, 0.0
        self.best = Best(parameters, lambda: machine.agreed(matching.output_loss(deciding)))

    def is_over(self) -> bool:
        """Return whether the course is run, or nothing more is gained."""
        over = self._schedule.share(self.done, self._machine.agreed(self.seconds)) >= 1
        return over or self.best.has_settled(PATIENCE)

    def step(self) -> None:
        """Learn from one step's batches, and look at the held-out ones where it is time to."""
        began = time.monotonic()
        share = self._schedule.share(self.done, self.seconds)
        batches = list(self._next())
        for batch in self._machine.share(batches):
            with self._machine.autocast():
                loss = self._matching.loss(batch) / len(batches)
            self._machine.backward(loss)
        self._machine.gather(self._parameters)
        self._optimizer.step(self._schedule.rate(share), CLIP)
        for parameter, zeros in self._pruned:
            mask(parameter, zeros)
        self.done += 1
        if self._schedule.looks_after(self.done):
            self.best.look()
        self.seconds += time.monotonic() - began

    def snapshot(self) -> Snapshot:
        """Return all that the next step depends on."""
        best = self.best.snapshot()
        tensors = {f"best.{name}": value for name, value in best.tensors.items()}
        tensors |= {f"weight.{index}": parameter.detach() for index, parameter in enumerate(self._parameters)}
        tensors |= {f"moment.{name}": value for name, value in self._optimizer.moments().items()}
        tensors["chance"] = self._chance.get_state()
        facts = {"done": self.done, "seconds": self.seconds, "order": self._order, "passes": self._passes}
        whose = {"scaler": self._machine.scaler(), "identity": self._identity}
        return Snapshot(tensors, {**facts, **whose, "best": dict(best.facts)})

    def resume(self, checkpoints: Checkpoints | None) -> int:
        """Go on where a snapshot of this very training ended; return how many steps that spares."""
        kept = None if checkpoints is None else checkpoints.load()
        if kept is None or kept.facts["identity"] != self._identity:
            return 0
        with torch.no_grad():
            for index, parameter in enumerate(self._parameters):
                parameter.copy_(kept.tensors[f"weight.{index}"])
        self._optimizer.resume(_below("moment.", kept.tensors))
        self._chance.set_state(kept.tensors["chance"])
        self._order, self._passes = kept.facts["order"], kept.facts["passes"]
        self.done, self.seconds = kept.facts["done"], kept.facts["seconds"]
        self._machine.scale_as(kept.facts["scaler"])
        self.best.resume(_below("best.", kept.tensors), kept.facts["best"])
        return self.done

    def _next(self) -> Iterator[Batch]:
        """Yield whole batches until there are as many sequences as a step learns from; mixed once all were seen.

        A step takes no more than there is: what it would see twice, it has learnt from already.
        """
        sequences = 0
        while sequences < self._wanted:
            if not self._order:
                self._order = torch.randperm(len(self._learning), generator=self._chance).tolist()
                self._passes += 1
            batch = self._learning[self._order.pop()]
            sequences += _sequences(batch)
            yield batch if self._passes == 1 else mixed(batch, self._chance)


def _is_time(checkpoints: Checkpoints, schedule: Schedule, done: int) -> bool:
    return checkpoints.urgent or done % schedule.checkpoint_every == 0


def _sequences(batch: Batch) -> int:
    return len(next(iter(batch.values())))


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _identity(matching: Matching, parameters: Sequence[nn.Parameter], batches: int, schedule: Schedule) -> str:
    """Return what tells this training from any other: its settings and the weights that it starts from."""
    settings = {**asdict(schedule), **asdict(matching.losses), "layers": list(matching.layers), "batches": batches}
    digest = hashlib.sha256(canonical_json({**settings, "version": SNAPSHOT_VERSION}))
    for parameter in parameters:
        digest.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _pruned(matching: Matching) -> list[tuple[nn.Parameter, Bool[Tensor, "..."]]]:
    slots = [slot for layer in matching.anatomy.layers(matching.student) for slot in layer.slots]
    zeros = [(parameter, parameter == 0) for slot in slots for parameter in slot.linear.parameters()]
    return [(parameter, where) for parameter, where in zeros if where.any()]


@contextmanager
def _opened(matching: Matching) -> Iterator[None]:
    """Run the block with the maps of both models opened, so that pruned weights and vectors are found."""
    with matching.anatomy.opened(matching.student), matching.anatomy.opened(matching.teacher):
        yield


@contextmanager
def _placed(device: torch.device, matching: Matching) -> Iterator[None]:
    """Run the block with both models on *device*, and take them back to where they were."""
    homes = [(model, device_of(model)) for model in (matching.student, matching.teacher)]
    for model, _ in homes:
        _to(model, device)
    try:
        yield
    finally:
        for model, home in homes:
            _to(model, home)


def _to(model: PreTrainedModel, device: torch.device) -> None:
    nn.Module.to(model, device)


@contextmanager
def _learning(matching: Matching) -> Iterator[list[nn.Parameter]]:
    """Run the block with only the layers of the student learning, in evaluation mode; flags and modes stay."""
    model, part = matching.student, matching.anatomy.encoder(matching.student)
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

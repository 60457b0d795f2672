"""A student, its teacher, and what of the one is held against what of the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel

from jobs.batches import Batch, device_of, inference, to_device
from jobs.compression.anatomy import Anatomy
from jobs.compression.learning.hearing import Heard, listen
from jobs.compression.learning.losses import Real, logits_apart, relation_heads, relations_apart, states_apart


@dataclass(frozen=True, slots=True)
class Losses:
    """How much each distance weighs; one of weight 0 is not computed.

    Attributes:
        output: of the base model's output.
        hidden: the mean over the layers below.
        logits: of the task head.
        temperature: softens the logits of both.
        relations: of the last layer's attention relations.
    """

    output: float = 1.0
    hidden: float = 1.0
    logits: float = 0.0
    temperature: float = 2.0
    relations: float = 0.0


@dataclass(frozen=True, slots=True)
class Matching:
    """Which layer of the student imitates which of the teacher, and by what it is judged.

    Attributes:
        student: learns.
        teacher: runs in evaluation mode, without gradients.
        anatomy: of both.
        layers: the teacher's layer for each of the student's; the last one's output is the model's in both.
        losses: what counts.
    """

    student: PreTrainedModel
    teacher: PreTrainedModel
    anatomy: Anatomy
    layers: Sequence[int]
    losses: Losses = field(default_factory=Losses)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Return the weighted sum of the distances."""
        student, teacher, real = self._hear(batch)
        weights = self.losses
        total = weights.output * states_apart(student.states[-1], teacher.states[-1], real)
        if weights.hidden and len(student.states) > 1:
            pairs = zip(student.states[:-1], self.layers, strict=False)
            apart = [states_apart(state, teacher.states[layer], real) for state, layer in pairs]
            total = total + weights.hidden * torch.stack(apart).mean()
        if weights.relations:
            heads = relation_heads([*student.vectors, *teacher.vectors], self._relation_heads())
            total = total + weights.relations * relations_apart(student.vectors, teacher.vectors, real, heads)
        if student.logits is not None and teacher.logits is not None:
            total = total + weights.logits * logits_apart(student.logits, teacher.logits, real, weights.temperature)
        return total

    def output_loss(self, batches: Sequence[Batch]) -> float:
        """Return the mean distance of the outputs: what decides which state is kept, whatever is learnt from."""
        with inference(self.student):
            found = [self._output_loss(batch) for batch in batches]
        return sum(found) / len(found)

    def _output_loss(self, batch: Batch) -> float:
        here = to_device(batch, device_of(self.student))
        with inference(self.teacher):
            teacher = listen(self.teacher, self.anatomy, here).states[-1]
        student = listen(self.student, self.anatomy, here).states[-1]
        return float(states_apart(student, teacher, self._real(here, student)))

    def _hear(self, batch: Batch) -> tuple[Heard, Heard, Real]:
        here = to_device(batch, device_of(self.student))
        logits = self.losses.logits > 0
        top = -1 if self.losses.relations else None
        with inference(self.teacher):
            teacher = listen(self.teacher, self.anatomy, here, vectors_of=top, logits=logits)
        student = listen(self.student, self.anatomy, here, vectors_of=top, logits=logits)
        return student, teacher, self._real(here, student.states[-1])

    def _real(self, batch: Batch, states: Tensor) -> Real:
        return self.anatomy.real_positions(self.student, batch, states.shape[1])

    def _relation_heads(self) -> int:
        return self.anatomy.layers(self.teacher)[-1].attention.heads

"""Keep some layers and teach them to imitate the whole model.

The student is the model with fewer layers, weights included. It then learns, without labels, to give the teacher's
hidden states: each kept layer those it had in the teacher, the last one the teacher's output. Fewer layers load in
plain transformers, and are the surest way to a faster model.

Source: DistilHuBERT, arXiv:2110.01900 (loss, layers from the teacher); DPHuBERT, arXiv:2305.17651 (1 - cosine)

Differs: the last layer is always kept when a count is given; the teacher runs without dropout; a student that learning
has made worse on held-out data is put back.

Cost: one pass of the teacher and one training step of the student for each step.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Annotated

from torch import nn
from transformers import PreTrainedModel

from jobs.compression.proof import drop_proven
from jobs.compression.recovery import evenly_spaced, recover
from jobs.compression.schema import Schema
from jobs.compression.surgery import drop_layers
from jobs.compression.technique import Context, Outcome, Params, technique
from jobs.contract.errors import NotApplicableError

LAYER_SUM = "layer_weights"
"""The weights of a head that sums the states of all layers (``use_weighted_layer_sum``)."""

Count = Annotated[int, Schema("How many: evenly spaced, the last included.", minimum=1)]
Index = Annotated[int, Schema("Counted from 0 at the bottom.", minimum=0)]


@dataclass(frozen=True, slots=True)
class Distillation(Params):
    """Which layers stay, and how long they learn."""

    layers_kept: Annotated[Count | tuple[Index, ...], Schema("Layers that stay: how many, or which.")]
    steps: Annotated[
        int, Schema("Training steps; 0 only drops layers, and needs no data.", minimum=0, maximum=1_000_000)
    ] = 100
    learning_rate: Annotated[float, Schema("Peak learning rate of AdamW.", above=0, maximum=1)] = 1e-4
    seed: Annotated[int, Schema("Decides the order of the batches.", minimum=0, maximum=2**31 - 1)] = 0


@technique(Distillation, needs_data={"unless": {"steps": 0}})
def compress(model: PreTrainedModel, params: Distillation, ctx: Context) -> Outcome:
    """Return *model* with the layers that stay, taught by what it was.

    Raises:
        NotApplicableError: a layer is asked for that the model does not have, or its head weighs every layer.
        DataRequiredError: steps to learn, and no data.
    """
    if any(name.endswith(LAYER_SUM) for name, _ in model.named_parameters()):
        raise NotApplicableError(
            "The model's head weighs the states of every layer, so none can go. Send the base model."
        )
    stack = ctx.anatomy.encoder(model)
    keep = _kept(params.layers_kept, len(stack))
    if not params.steps:
        _drop(model, stack, keep, ctx)
        ctx.progress(1, 1)
        return Outcome(model, {"layers_kept": list(keep)})
    batches, teacher = ctx.data(), deepcopy(model)
    _drop(model, stack, keep, ctx)
    learnt = recover(
        model,
        teacher,
        batches,
        steps=params.steps,
        learning_rate=params.learning_rate,
        seed=params.seed,
        progress=ctx.progress,
        layers=keep,
    )
    achieved = {"layers_kept": list(keep), "loss_before": learnt.before, "loss_after": learnt.after}
    return Outcome(model, {**achieved, "steps": learnt.steps}, learnt.notes)


def _drop(model: PreTrainedModel, stack: nn.ModuleList, keep: Sequence[int], ctx: Context) -> None:
    with drop_proven(model, ctx.probe, [layer for index, layer in enumerate(stack) if index not in keep]):
        drop_layers(stack, keep)


def _kept(asked: int | tuple[int, ...], present: int) -> tuple[int, ...]:
    keep = evenly_spaced(asked, present) if isinstance(asked, int) else tuple(sorted(asked))
    if len(keep) > present or keep[-1] >= present:
        raise NotApplicableError(f"Expected layers among the {present} of the model, 0 to {present - 1}; got {asked}.")
    return keep

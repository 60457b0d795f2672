"""Keep some layers, heads and units, and teach what is left to imitate the whole model.

The student is the model with fewer layers, weights included, and where asked with fewer heads and feed-forward units in
each: those that weigh least go, and the maps that read them are refitted, before learning begins. It then learns,
without labels, to give the teacher's hidden states: each kept layer those it had in the teacher, or those of another
layer named for it, the last one the teacher's output. Attention relations and the logits of a task head can count too.
Fewer layers load in plain transformers, and are the surest way to a faster model.

Source: DistilHuBERT, arXiv:2110.01900 (states, layers from the teacher); DPHuBERT, arXiv:2305.17651 (1 - cosine);
MiniLMv2, arXiv:2012.15828 (relations); Hinton et al. 2015, arXiv:1503.02531 (logits)

Differs: the last layer is kept when evenly spaced ones are; the teacher runs without dropout; the hidden width stays
the teacher's, so that states are compared without a projection and whatever reads the output goes on working; a
student that learning has made worse on held-out data is put back.

Cost: one pass of the teacher and one training step of the student for each batch.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from transformers import PreTrainedModel

from jobs.compression.anatomy import Anatomy
from jobs.compression.learning.matching import Losses
from jobs.compression.learning.schedule import Schedule
from jobs.compression.learning.student import STAGE, Shape, make_student
from jobs.compression.recovery import evenly_spaced, recover, set_apart
from jobs.compression.schema import Schema
from jobs.compression.selection import share_of
from jobs.compression.technique import Context, Outcome, Params, part_of, technique
from jobs.contract.errors import NotApplicableError
from jobs.contract.spec import DEFAULT_CHECKPOINT_EVERY, DEFAULT_LEARNING_RATE, LEARNING_BATCH_SAID

LAYER_SUM = "layer_weights"
"""The weights of a head that sums the states of all layers (``use_weighted_layer_sum``)."""

Choice = Literal["spread", "first"]
Count = Annotated[int, Schema("How many.", minimum=1)]
Index = Annotated[int, Schema("Counted from 0 at the bottom.", minimum=0)]


@dataclass(frozen=True, slots=True)
class Distillation(Params):
    """Which parts stay, how long they learn, and what counts."""

    alternatives: ClassVar[tuple[str, ...]] = ("layers_kept", "layers_removed")

    layers_kept: Annotated[
        Count | tuple[Index, ...] | None,
        Schema("Layers that stay: how many, or which; all of them for a student that is only narrower."),
    ] = None
    layers_removed: Annotated[float | None, Schema("Share of the layers that goes.", minimum=0, below=1)] = None
    layers_chosen: Annotated[
        Choice,
        Schema("Which layers stay where a count or a share says how many: evenly spaced ones, or the first."),
    ] = "spread"
    heads_kept: Annotated[int | None, Schema("Heads that stay in each layer; all if left out.", minimum=1)] = None
    units_kept: Annotated[
        int | None, Schema("Feed-forward units that stay in each layer; all if left out.", minimum=1)
    ] = None
    steps: Annotated[int, Schema("Training steps; 0 only cuts, and needs no data.", minimum=0, maximum=1_000_000)] = 500
    learning_rate: Annotated[float, Schema("Peak learning rate of AdamW.", above=0, maximum=1)] = DEFAULT_LEARNING_RATE
    batch_size: Annotated[int | None, Schema(f"{LEARNING_BATCH_SAID}.", minimum=1, maximum=4096)] = None
    layers_matched: Annotated[
        tuple[Index, ...] | None,
        Schema(
            "The teacher's layer that each layer which stays imitates, bottom first; its own if left out. The last one "
            "always learns the teacher's output."
        ),
    ] = None
    output_weight: Annotated[float, Schema("Weight of the output's distance: L1 and cosine.", minimum=0)] = 1.0
    hidden_weight: Annotated[float, Schema("Weight of the layers' distance: L1 and cosine.", minimum=0)] = 1.0
    relations_weight: Annotated[
        float,
        Schema("Weight of the last layer's relations among queries, keys and values, as in MiniLMv2.", minimum=0),
    ] = 0.0
    logits_weight: Annotated[
        float, Schema("Weight of the divergence of a task head's logits; needs a model with a head.", minimum=0)
    ] = 0.0
    temperature: Annotated[float, Schema("Softens the logits of teacher and student.", above=0, maximum=100)] = 2.0
    max_seconds: Annotated[
        float | None, Schema("Learning ends after so long; what comes out then depends on the machine.", above=0)
    ] = None
    checkpoint_every: Annotated[int, Schema("Steps between two snapshots to resume from.", minimum=1)] = (
        DEFAULT_CHECKPOINT_EVERY
    )
    seed: Annotated[int, Schema("Decides the order of the batches.", minimum=0, maximum=2**31 - 1)] = 0

    def asks(self) -> bool:
        """Return whether anything is to go."""
        return self.layers_removed != 0 or bool(self.heads_kept or self.units_kept)

    def schedule(self) -> Schedule:
        """Return how long and how fast the student learns."""
        return Schedule(
            steps=self.steps,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            seed=self.seed,
            max_seconds=self.max_seconds,
            checkpoint_every=self.checkpoint_every,
        )

    def losses(self) -> Losses:
        """Return what counts."""
        return Losses(
            output=self.output_weight,
            hidden=self.hidden_weight,
            logits=self.logits_weight,
            temperature=self.temperature,
            relations=self.relations_weight,
        )


@technique(Distillation, needs_data={"unless": {"steps": 0}}, untrained={"steps": 0})
def compress(model: PreTrainedModel, params: Distillation, ctx: Context) -> Outcome:
    """Return *model* with the parts that stay, taught by what it was.

    Raises:
        NotApplicableError: a layer is asked for that the model does not have, its head weighs every layer, or logits
            are to count and it has no head.
        DataRequiredError: steps to learn, and no data.
    """
    keep = kept_layers(params, ctx.anatomy, model)
    shape = Shape(keep, params.heads_kept, params.units_kept)
    layers = _matched(params.layers_matched, keep, ctx.anatomy.depth(model))
    if not params.steps:
        return Outcome(model, *make_student(model, shape, ctx))
    teacher = deepcopy(model)
    learning, deciding = set_apart(ctx.data(), ctx.deciding)
    cutting = shape.stages * STAGE
    total = cutting + params.steps
    within = replace(ctx, batches=learning, progress=part_of(ctx.progress, 0, total))
    achieved, notes = make_student(model, shape, within)
    learnt = recover(
        model,
        teacher,
        learning,
        params.schedule(),
        part_of(ctx.progress, cutting, total),
        deciding=deciding,
        layers=layers,
        losses=params.losses(),
        checkpoints=ctx.checkpoints,
    )
    figures = {"loss_before": learnt.before, "loss_after": learnt.after, "steps": learnt.steps}
    return Outcome(model, achieved | figures, (*notes, *learnt.notes))


def kept_layers(params: Distillation, anatomy: Anatomy, model: PreTrainedModel) -> tuple[int, ...]:
    """Return which layers of *model* stay.

    Raises:
        NotApplicableError: the model does not have such a layer, or its head weighs every one.
    """
    present = anatomy.depth(model)
    keep = _asked(params, present, keeps_first=anatomy.family.keeps_first)
    if len(keep) > present or keep[-1] >= present:
        raise NotApplicableError(
            f"Expected layers among the {present} of the model, 0 to {present - 1}; got {params.layers_kept}."
        )
    if len(keep) < present and any(name.endswith(LAYER_SUM) for name, _ in model.named_parameters()):
        raise NotApplicableError(
            "The model's head weighs the states of every layer, so none can go. Send the base model."
        )
    return keep


def _asked(params: Distillation, present: int, *, keeps_first: bool) -> tuple[int, ...]:
    """Return the indices that *params* name, or as many as they say of *present* layers."""
    if isinstance(params.layers_kept, tuple):
        if params.layers_chosen != "spread":
            raise NotApplicableError("Expected layers_kept as a count where layers_chosen is given; got indices.")
        return tuple(sorted(params.layers_kept))
    count = params.layers_kept or present - share_of(params.layers_removed or 0.0, present, present - 1)
    if params.layers_chosen == "first" or (count == 1 and keeps_first):
        return tuple(range(count))
    return evenly_spaced(count, present)


def _matched(asked: tuple[int, ...] | None, keep: Sequence[int], present: int) -> Sequence[int]:
    if asked is None:
        return keep
    if len(asked) != len(keep) or max(asked) >= present:
        raise NotApplicableError(
            f"Expected a layer of the teacher, 0 to {present - 1}, for each of the {len(keep)} that stay; got {asked}."
        )
    return asked

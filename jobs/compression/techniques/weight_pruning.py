"""Set single weights, or small blocks of them, to zero; shapes stay as they are.

The weights are those of query, key, value, output and the feed-forward pair of all layers. Zeros compress well and are
counted apart, but dense kernels multiply them like any number: expect no speed-up and no smaller file from this alone,
whatever the pattern.

Criterion magnitude needs no data. On data, wanda weighs each weight by how strong its input is, and sparsegpt by what
its going costs once the weights that stay have been refitted, which it then does: at the same sparsity it comes by far
the closest to the dense model, in seconds for small models.

Weights compete across the model or within a layer by magnitude, within a row of their matrix with wanda, and within
eight neighbouring columns with sparsegpt; in pattern 2:4 always within four neighbours of a row. Pattern block sets
whole squares to zero, scored by the mean over their weights; squares at the far edges of a matrix may be smaller.

A schedule passes through lower sparsities and lets the model recover after each, by imitating the dense one; what is
zero stays so meanwhile.

Source: Han et al. 2015, arXiv:1506.02626; Lin et al. 2022, arXiv:2211.09949 (one global threshold, which weights);
Sun et al. 2023, arXiv:2306.11695 (wanda); Frantar and Alistarh 2023, arXiv:2301.00774 (sparsegpt)

Differs: one shot without a schedule; with one, recovery needs no labels, and goes on to the next sparsity when the loss
has settled or the steps are done. The count is the nearest to the share of whatever competes, ties settled by position.
In a factorised map both factors are pruned, the second for what the first, already pruned, gives it. With sparsegpt
each map is first refitted to what the dense model gives, as ``jobs.compression.sequence`` says, on the inputs that the
pruned layers below leave it: at half the weights of MiniLM the cosine of embeddings is 0.946 with it and 0.924 without.
Wanda judges all maps on the inputs that the model gives them as it came; those of pruned layers made it worse.

Cost: by magnitude one selection over all weights; with wanda the calibration pass; with sparsegpt two passes of each
layer for each of its four turns, a ridge regression, a Cholesky factor and one sweep over the columns of each matrix.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, Literal

from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.compression import sparsegpt
from jobs.compression.anatomy import Layer, Slot
from jobs.compression.calibration import calibrate
from jobs.compression.learning.schedule import Schedule
from jobs.compression.recovery import recover
from jobs.compression.schema import Rule, Schema
from jobs.compression.selection import Scope
from jobs.compression.sequence import change_in_turn, turns
from jobs.compression.sparsity import GROUP, Pattern
from jobs.compression.streams import passes
from jobs.compression.surgery import mask
from jobs.compression.technique import Context, Outcome, Params, part_of, technique
from jobs.contract.errors import InvalidRequestError, NotApplicableError

HALF = 0.5
"""What pattern 2:4 takes."""

WINDOW = 8
"""Neighbouring columns, of weights or of blocks, within which sparsegpt chooses.

Fewer leave little to choose from; with more, the choice is made before most of the refitting: 128, as in the paper,
loses 0.004 of cosine on MiniLM at half the weights.
"""


@dataclass(frozen=True, slots=True)
class WeightPruning(Params):
    """How many weights become zero, and which."""

    rules = (
        Rule(when={"pattern": ("2:4",)}, then={"sparsity": (HALF,)}),
        Rule(when={"pattern": ("block",)}, then={"block_size": ()}),
        Rule(when={"block_size": ()}, then={"pattern": ("block",)}),
        # otherwise weights compete within their rows or columns
        Rule(when={"scope": ()}, then={"criterion": ("magnitude",), "pattern": ("unstructured", "block")}),
        Rule(when={"include_bias": (True,)}, then={"criterion": ("magnitude",), "pattern": ("unstructured",)}),
        Rule(when={"schedule": ()}, then={"pattern": ("unstructured", "block")}),
        Rule(when={"recovery_steps": ()}, then={"schedule": ()}),
    )

    sparsity: Annotated[
        float, Schema("Share of the weights that is zero afterwards; in pattern 2:4 always half.", minimum=0, below=1)
    ] = HALF
    criterion: Annotated[
        Literal["magnitude", "wanda", "sparsegpt"],
        Schema(
            "What makes a weight unimportant: its absolute value; that times the strength of its input; or the error "
            "that is left when the other weights have made up for it, which they then do."
        ),
    ] = "magnitude"
    pattern: Annotated[
        Literal["unstructured", "2:4", "block"],
        Schema("Where zeros may be: anywhere, exactly two in every four neighbours, or in whole blocks."),
    ] = "unstructured"
    block_size: Annotated[
        int | None, Schema("Side of the square blocks, in weights; for pattern block, which needs it.", minimum=2)
    ] = None
    scope: Annotated[
        Scope | None,
        Schema(
            "Where weights or blocks compete by magnitude: within their layer, or, unless said, across the model. "
            "Not for other criteria, nor for pattern 2:4."
        ),
    ] = None
    include_bias: Annotated[bool, Schema("Whether the maps' biases take part; only by magnitude and unstructured.")] = (
        False
    )
    schedule: Annotated[
        tuple[float, ...] | None,
        Schema(
            "Sparsities to pass through on the way, rising, all below the final one. The model recovers after each of "
            "them and after the last, which needs data.",
            above=0,
            below=1,
        ),
    ] = None
    recovery_steps: Annotated[
        int,
        Schema(
            "With a schedule, most training steps of each recovery; it ends before where the loss has settled.",
            minimum=1,
            maximum=1_000_000,
        ),
    ] = 200
    seed: Annotated[int, Schema("Of the order in which recovery sees data.", minimum=0, maximum=2**31 - 1)] = 0

    def __post_init__(self) -> None:
        """Refuse a schedule that does not rise to the final sparsity."""
        through = (*(self.schedule or ()), self.sparsity)
        if any(after <= before for before, after in pairwise(through)):
            raise InvalidRequestError(
                f"weight_pruning: schedule: expected rising sparsities below the final {self.sparsity}; "
                f"got {list(self.schedule or ())}."
            )

    def asks(self) -> bool:
        """Return whether any weight is to become zero."""
        return self.sparsity > 0

    def zeros(self) -> Pattern:
        """Return where zeros go."""
        return Pattern(self.sparsity, block=self.block_size or 1, fours=self.pattern == "2:4")


@technique(
    WeightPruning,
    needs_data={"unless": {"criterion": "magnitude", "schedule": None}},
    untrained={"schedule": None, "recovery_steps": None},
)
def compress(model: PreTrainedModel, params: WeightPruning, ctx: Context) -> Outcome:
    """Return *model* with its least important weights set to zero.

    Raises:
        NotApplicableError: pattern 2:4 where a matrix has no multiple of four inputs.
        DataRequiredError: a criterion other than magnitude, or a schedule, without data.
    """
    layers = ctx.anatomy.layers(model)
    if params.pattern == "2:4":
        _check_fours(layers)
    if params.schedule is None:
        notes = _PRUNE[params.criterion](model, layers, params, ctx)
        return Outcome(model, _achieved(layers, params), notes)
    recoveries, notes = _gradually(model, layers, params, ctx)
    return Outcome(model, _achieved(layers, params) | {"recoveries": recoveries}, notes)


def prunable(layer: Layer, *, include_bias: bool) -> list[nn.Parameter]:
    """Return the parameters of a layer's six maps that take part."""
    return [each for slot in layer.slots for each in (slot.linear.parameters() if include_bias else slot.matrices())]


def _gradually(
    model: PreTrainedModel, layers: Sequence[Layer], params: WeightPruning, ctx: Context
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Prune to one sparsity after the other and recover after each; return what recovery did, and notes."""
    dense, batches, course = deepcopy(model), ctx.data(), Schedule(params.recovery_steps, seed=params.seed)
    shares = (*(params.schedule or ()), params.sparsity)
    units = _units(layers, params, len(batches))
    each = units + params.recovery_steps
    recoveries, notes = [], []
    for index, share in enumerate(shares):
        pruning, learning = (part_of(ctx.progress, index * each + before, len(shares) * each) for before in (0, units))
        now = replace(params, sparsity=share, schedule=None)
        cache = None if index else ctx.cache  # what it keeps is of the model as it came
        said = _PRUNE[params.criterion](model, layers, now, replace(ctx, progress=pruning, cache=cache))
        learnt = recover(model, dense, batches, course, learning, deciding=ctx.deciding)
        found = {"loss_before": learnt.before, "loss_after": learnt.after, "steps": learnt.steps}
        recoveries.append({"sparsity": share, **found})
        notes += [f"At sparsity {share}: {note}" for note in (*said, *learnt.notes)]
    return recoveries, tuple(notes)


def _units(layers: Sequence[Layer], params: WeightPruning, batches: int) -> int:
    """Return how many units of progress pruning once reports."""
    groups = [group for layer in layers for group in layer.groups]
    by_magnitude = len(layers) if params.scope == "layer" else 1
    return {
        "magnitude": by_magnitude,
        "wanda": passes(batches, len(layers)),
        "sparsegpt": turns(groups, batches),
    }[params.criterion]


def _check_fours(layers: Sequence[Layer]) -> None:
    for slot in (slot for layer in layers for slot in layer.slots):
        for inputs in (each.shape[1] for each in slot.matrices()):
            if inputs % GROUP:
                raise NotApplicableError(
                    f"Expected matrices with a multiple of {GROUP} inputs for pattern 2:4; {slot.name} has one with "
                    f"{inputs}. Choose pattern unstructured."
                )


def _prune_by_magnitude(
    model: PreTrainedModel, layers: Sequence[Layer], params: WeightPruning, ctx: Context
) -> tuple[str, ...]:
    by_layer = [prunable(layer, include_bias=params.include_bias) for layer in layers]
    pools = by_layer if params.scope == "layer" else [[each for layer in by_layer for each in layer]]
    for index, pool in enumerate(pools, start=1):
        for weights, drop in params.zeros().by_magnitude([each.detach().view(len(each), -1) for each in pool]):
            weights.masked_fill_(drop, 0)
        ctx.progress(index, len(pools))
    return ()


def _prune_by_inputs(
    model: PreTrainedModel, layers: Sequence[Layer], params: WeightPruning, ctx: Context
) -> tuple[str, ...]:
    for found in calibrate(model, ctx, lambda layer: layer.slots, ctx.progress):
        for matrix, inputs in (pair for slot, moments in found.items() for pair in _matrices(slot, moments.second)):
            strength = inputs.diagonal().clamp_min(0).sqrt()  # of an input that is always zero, but for rounding
            mask(matrix, params.zeros().by_rows(matrix.detach().abs() * strength))
    return ()


def _prune_and_refit(
    model: PreTrainedModel, layers: Sequence[Layer], params: WeightPruning, ctx: Context
) -> tuple[str, ...]:
    zeros = params.zeros()
    width = GROUP if zeros.fours else WINDOW * zeros.block

    def prune(slot: Slot, spread: Float[Tensor, "I I"]) -> None:
        for matrix, inputs in _matrices(slot, spread):
            pruned = sparsegpt.prune(matrix.detach(), inputs, lambda scores: zeros.among_all([scores])[0], width)
            matrix.data.copy_(pruned)

    if not params.asks():
        ctx.progress(1, 1)
        return ()
    return change_in_turn(model, [group for layer in layers for group in layer.groups], prune, ctx, ctx.progress)


def _matrices(slot: Slot, moment: Float[Tensor, "I I"]) -> Iterator[tuple[nn.Parameter, Float[Tensor, "_ _"]]]:
    """Yield each matrix of a map with the second moment of its inputs; a second factor's follows from the first."""
    first, *second = slot.matrices()
    yield first, moment
    for each in second:
        pruned = first.detach().double()
        yield each, pruned @ moment @ pruned.T


_PRUNE = {"magnitude": _prune_by_magnitude, "wanda": _prune_by_inputs, "sparsegpt": _prune_and_refit}


def _achieved(layers: Sequence[Layer], params: WeightPruning) -> dict[str, Any]:
    weights = [each for layer in layers for each in prunable(layer, include_bias=params.include_bias)]
    zeros = sum(each.numel() - int(each.count_nonzero()) for each in weights)
    total = sum(each.numel() for each in weights)
    return {"sparsity": zeros / total, "zeros": zeros, "weights": total}

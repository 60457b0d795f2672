"""Set the smallest single weights to zero; shapes stay as they are.

The weights are those of query, key, value, output and the feed-forward pair of all layers. Zeros compress well and are
counted apart, but dense kernels multiply them like any number: expect no speed-up and no smaller file from this alone.

Source: Han et al. 2015, arXiv:1506.02626; Lin et al. 2022, arXiv:2211.09949 (one global threshold, which weights)

Differs: one shot; the count of zeros is exact, ties included. In a factorised map both factors are pruned.

Cost: one selection over all weights; no data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import nn
from transformers import PreTrainedModel

from jobs.compression.anatomy import Layer
from jobs.compression.schema import Schema
from jobs.compression.selection import Scope, share_of, smallest
from jobs.compression.surgery import mask
from jobs.compression.technique import Context, Outcome, Params, technique


@dataclass(frozen=True, slots=True)
class WeightPruning(Params):
    """How many weights become zero, and which."""

    sparsity: Annotated[float, Schema("Share of the weights that is zero afterwards.", minimum=0, below=1)]
    criterion: Annotated[Literal["magnitude"], Schema("What makes a weight unimportant: its absolute value.")] = (
        "magnitude"
    )
    scope: Annotated[Scope, Schema("Where weights compete: within their layer or across the model.")] = "global"
    include_bias: Annotated[bool, Schema("Whether the maps' biases take part.")] = False

    def asks(self) -> bool:
        """Return whether any weight is to become zero."""
        return self.sparsity > 0


@technique(WeightPruning)
def compress(model: PreTrainedModel, params: WeightPruning, ctx: Context) -> Outcome:
    """Return *model* with its smallest weights set to zero."""
    by_layer = [prunable(layer, include_bias=params.include_bias) for layer in ctx.anatomy.layers(model)]
    pools = by_layer if params.scope == "layer" else [[each for layer in by_layer for each in layer]]
    for index, pool in enumerate(pools, start=1):
        _prune(pool, params.sparsity)
        ctx.progress(index, len(pools))
    weights = [each for pool in pools for each in pool]
    zeros = sum(each.numel() - int(each.count_nonzero()) for each in weights)
    total = sum(each.numel() for each in weights)
    return Outcome(model, {"sparsity": zeros / total, "zeros": zeros, "weights": total})


def prunable(layer: Layer, *, include_bias: bool) -> list[nn.Parameter]:
    """Return the parameters of a layer's six maps that take part."""
    return [each for slot in layer.slots for each in (slot.linear.parameters() if include_bias else slot.matrices())]


def _prune(pool: Sequence[nn.Parameter], sparsity: float) -> None:
    magnitudes = torch.cat([each.detach().abs().flatten() for each in pool])
    count = share_of(sparsity, len(magnitudes), len(magnitudes) - 1)
    drops = torch.split(smallest(magnitudes, count), [each.numel() for each in pool])
    for parameter, drop in zip(pool, drops, strict=True):
        mask(parameter, drop.view_as(parameter))

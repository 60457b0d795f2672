"""What other tools make of the same model, sentences and sizes: torch-pruning and nncf.

They stay out of the project's environment; a folder of their own is enough:

    .venv/bin/python -m pip install --target PEERS --constraint constraints.txt nncf==3.4.0
    .venv/bin/python -m pip install --target PEERS --no-deps torch-pruning==1.6.1
    .venv/bin/python -m benchmarks.quality CALIBRATION HELD_OUT --peers PEERS

torch-pruning removes heads and feed-forward units, as many in every layer, by magnitude or by Taylor scores. Two of
its ways need help. Its documented call for heads alone removes none, without a word, where no channel goes with them:
so the query maps are named with a ratio next to nothing, upon which heads go. Taylor scores want a loss that reaches
every parameter, or fail with ``'NoneType' object has no attribute 'transpose'``: without labels it is a random
direction of each embedding, and what that does not reach gets slopes of zero.

nncf has had no structured pruning since 3.0: the nearest is single weights by magnitude, in the encoder's linear maps.
"""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from benchmarks.quality.harness import Harness, pooled
from benchmarks.quality.points import Methods
from jobs.compression.anatomy import anatomy_of

NEXT_TO_NOTHING = 1e-6


def structured(harness: Harness, kept: float, *, score: str) -> PreTrainedModel:
    """Return the model without as many heads and units in every layer, chosen by torch-pruning."""
    model = harness.dense()
    if score == "taylor":
        _learn_slopes(harness, model)
    layers = anatomy_of(model).layers(model)
    ratios: dict[nn.Module, float] = {layer.attention.query.linear: NEXT_TO_NOTHING for layer in layers}
    ratios |= {layer.feed_forward.up.linear: 1 - kept for layer in layers}
    _prune(harness, model, 1 - kept, ratios, score)
    return model


def _prune(
    harness: Harness, model: PreTrainedModel, heads: float, ratios: Mapping[nn.Module, float], score: str
) -> None:
    tool: Any = import_module("torch_pruning")
    scores = {"magnitude": tool.importance.MagnitudeImportance, "taylor": tool.importance.TaylorImportance}
    attentions = [layer.attention for layer in anatomy_of(model).layers(model)]
    tool.pruner.BasePruner(
        model,
        example_inputs=next(iter(harness.learning)),
        importance=scores[score](),
        pruning_ratio=0.0,
        pruning_ratio_dict=ratios,
        num_heads={slot.linear: attention.heads for attention in attentions for slot in attention.inward},
        prune_num_heads=True,
        prune_head_dims=False,
        head_pruning_ratio=heads,
    ).step()


def _learn_slopes(harness: Harness, model: PreTrainedModel) -> None:
    chance = torch.Generator().manual_seed(0)
    for batch in harness.learning:
        found = pooled(model, batch)
        torch.autograd.backward((found * torch.randn(found.shape, generator=chance)).sum())
    for parameter in model.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)


def single_weights(harness: Harness, kept: float, *, mode: str) -> PreTrainedModel:
    """Return the model with zeros in the encoder's linear maps, put there by nncf."""
    tool: Any = import_module("nncf")
    model, batch = harness.dense(), dict(next(iter(harness.learning)))
    spared = tool.IgnoredScope(patterns=[".*embeddings.*", ".*pooler.*"])
    chosen = getattr(tool.PruneMode, f"UNSTRUCTURED_MAGNITUDE_{mode}")
    pruned = tool.prune(model, chosen, ratio=1 - kept, ignored_scope=spared, examples_inputs=batch)
    stripped: PreTrainedModel = tool.strip(pruned, do_copy=False, strip_format=tool.StripFormat.IN_PLACE)
    return stripped


METHODS: Methods = {
    "torch-pruning, magnitude": partial(structured, score="magnitude"),
    "torch-pruning, taylor": partial(structured, score="taylor"),
    "nncf, by layer": partial(single_weights, mode="LOCAL"),
    "nncf, overall": partial(single_weights, mode="GLOBAL"),
}

"""What other tools make of the same model, sentences and sizes: torch-pruning and nncf.

They stay out of the project's environment; a folder of their own is enough:

    .venv/bin/python -m pip install --target PEERS --constraint constraints.txt nncf==3.4.0
    .venv/bin/python -m pip install --target PEERS --no-deps torch-pruning==1.6.1
    .venv/bin/python -m benchmarks.quality CALIBRATION HELD_OUT --peers PEERS

torch-pruning removes heads and feed-forward units by magnitude or by Taylor scores, as many in every layer or those
that score least anywhere. Two of its ways need help. Its documented call for heads alone removes none, without a word,
where no channel goes with them: so the query maps are named with a ratio next to nothing, upon which heads go. Taylor
scores want a loss that reaches every parameter, or fail with ``'NoneType' object has no attribute 'transpose'``:
without labels it is a random direction of each embedding, and what that does not reach gets slopes of zero.

nncf has had no structured pruning since 3.0: the nearest is single weights by magnitude, in the encoder's linear maps.
"""

from functools import partial
from importlib import import_module
from typing import Any

import torch
from transformers import PreTrainedModel

from benchmarks.quality.harness import Harness, pooled
from benchmarks.quality.points import Methods
from jobs.compression.anatomy import anatomy_of

NEXT_TO_NOTHING = 1e-6


def structured(harness: Harness, kept: float, *, score: str, across: bool = False) -> PreTrainedModel:
    """Return the model without heads and units chosen by torch-pruning: as many in every layer, or *across* them."""
    tool: Any = import_module("torch_pruning")
    model = harness.dense()
    if score == "Taylor":
        _learn_slopes(harness, model)
    layers = anatomy_of(model).layers(model)
    queries = [layer.attention.query.linear for layer in layers]
    widening = [layer.feed_forward.up.linear for layer in layers]
    tool.pruner.BasePruner(
        model,
        example_inputs=next(iter(harness.learning)),
        importance=getattr(tool.importance, f"{score}Importance")(normalizer=None if across else "mean"),
        global_pruning=across,
        pruning_ratio=0.0,
        pruning_ratio_dict={tuple(queries): NEXT_TO_NOTHING, tuple(widening): 1 - kept},
        num_heads={slot.linear: layer.attention.heads for layer in layers for slot in layer.attention.inward},
        prune_num_heads=True,
        prune_head_dims=False,
        head_pruning_ratio=1 - kept,
    ).step()
    return model


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
    "torch-pruning, magnitude": partial(structured, score="Magnitude"),
    "torch-pruning, taylor": partial(structured, score="Taylor"),
    "torch-pruning, taylor across layers": partial(structured, score="Taylor", across=True),
    "nncf, by layer": partial(single_weights, mode="LOCAL"),
    "nncf, overall": partial(single_weights, mode="GLOBAL"),
}

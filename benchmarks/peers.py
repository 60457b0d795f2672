"""Other tools' ways to halve a model, for benchmarks that any architecture goes through; they lie beside the project:

    make .peers && .venv/bin/python -m pip install --target .peers --no-deps fvcore iopath yacs portalocker tabulate \
        termcolor thop

Each function changes the model that it is given and returns the result. What a tool raises is its answer.
"""  # noqa: D415 - the command ends the first paragraph

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import torch
from torch import nn
from torch.nn.utils import prune
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from jobs.batches import Batch
from jobs.compression.anatomy import anatomy_of

NEXT_TO_NOTHING = 1e-6
"""The documented ratio of 0 for channels removes no heads, without a word."""

COLOURS = re.compile(r"\x1b\[\d+m")

Tool = Callable[[PreTrainedModel, Batch], PreTrainedModel]


def torch_pruning(model: PreTrainedModel, batch: Batch) -> PreTrainedModel:
    """Return *model* with half of the heads and units of every layer, by magnitude."""
    tool: Any = import_module("torch_pruning")
    queries, widening, heads = _maps(model)
    tool.pruner.BasePruner(
        model,
        example_inputs=dict(batch),
        importance=tool.importance.MagnitudeImportance(),
        pruning_ratio=0.0,
        pruning_ratio_dict={tuple(queries): NEXT_TO_NOTHING, tuple(widening): 0.5},
        num_heads=heads,
        prune_num_heads=True,
        prune_head_dims=False,
        head_pruning_ratio=0.5,
    ).step()
    return model


def nncf(model: PreTrainedModel, batch: Batch) -> PreTrainedModel:
    """Return *model* with half of the weights of its linear maps set to zero; it has no structured way any more."""
    tool: Any = import_module("nncf")
    chosen = tool.PruneMode.UNSTRUCTURED_MAGNITUDE_LOCAL
    pruned = tool.prune(model, chosen, ratio=0.5, examples_inputs=dict(batch))
    stripped: PreTrainedModel = tool.strip(pruned, do_copy=False, strip_format=tool.StripFormat.IN_PLACE)
    return stripped


def torch_prune(model: PreTrainedModel, batch: Batch) -> PreTrainedModel:
    """Return *model* with half of the weights of its linear maps set to zero, over all of them."""
    chosen = [(module, "weight") for module in model.modules() if isinstance(module, nn.Linear | Conv1D)]
    prune.global_unstructured(chosen, pruning_method=prune.L1Unstructured, amount=0.5)
    for module, name in chosen:
        prune.remove(module, name)
    return model


TOOLS: Mapping[str, Tool] = {"torch-pruning": torch_pruning, "nncf": nncf, "torch.nn.utils.prune": torch_prune}


def said(error: Exception) -> str:
    """Return what a tool says against a model, in a line."""
    first = (COLOURS.sub("", str(error)).strip() or "nothing").splitlines()[0]
    return f"{type(error).__name__}: {first[:160]}"


def versions(*names: str) -> dict[str, str]:
    """Return the versions of *names*, those of the peers among them; without the peers' folder those are missing."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - read after the folder is on the path

    found = {}
    for name in ("torch", "transformers", *names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _maps(model: PreTrainedModel) -> tuple[list[nn.Module], list[nn.Module], dict[nn.Module, int]]:
    """Return the query maps, those that widen, and how many heads each map into attention has."""
    if model.config.model_type == "gpt2":  # one map for query, key and value
        fused, widening = ([getattr(block, part) for block in model.h] for part in ("attn", "mlp"))
        queries = [each.c_attn for each in fused]
        return queries, [each.c_fc for each in widening], dict.fromkeys(queries, model.config.n_head)
    layers = anatomy_of(model).layers(model)
    heads = {slot.linear: layer.attention.heads for layer in layers for slot in layer.attention.inward}
    return (
        [layer.attention.query.linear for layer in layers],
        [layer.feed_forward.up.linear for layer in layers],
        heads,
    )


def one_thread() -> None:
    """Make a run comparable: one thread, the same random weights."""
    torch.set_num_threads(1)
    torch.manual_seed(0)

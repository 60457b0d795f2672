"""What the counter of operations owes to every family of models: it leaves nothing out, whatever has been cut.

Closed forms hold it to the integer where a family has one; elsewhere two attention kernels must give the same.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from benchmarks.closed_forms import (
    Layer,
    bert_macs,
    cut,
    gpt2_macs,
    hubert_macs,
    layers_of,
    melhubert_macs,
    vit_macs,
)
from jobs.batches import entry_of
from jobs.compression.anatomy import anatomy_of
from jobs.compression.technique import Context, apply
from jobs.contract.spec import Step
from jobs.profiling.macs import MacCount, count_macs
from tests.tiny import DISCOVERED, FAMILIES, LONGER, REPRESENTATIVES, SAMPLES, TOKENS, UNITS, WIDTH, tiny, tiny_batch

CUTS: Mapping[str, Step | None] = {
    "dense": None,
    "heads": Step("head_pruning", {"heads_kept": 3}),
    "units": Step("ffn_pruning", {"units_kept": 24}),
    "ranks": Step("low_rank", {"rank": 6, "modules": "feed_forward"}),
    "layers": Step("distillation", {"layers_kept": 1, "steps": 0}),
    "weights": Step("weight_pruning", {"sparsity": 0.5}),
}
"""Everything that a technique does to a model, one after another."""

SIZES: Mapping[str, Callable[[list[Layer]], list[Layer]]] = {
    "dense": lambda layers: layers,
    "heads": lambda layers: cut(layers, heads_width=3 * 8),
    "units": lambda layers: cut(layers, units=24),
    "ranks": lambda layers: cut(layers, rank=6),
    "layers": lambda layers: layers[:1],
    "weights": lambda layers: layers,
}
"""The layers that are left."""

FORMS: Mapping[str, Callable[[Any, list[Layer]], int]] = {
    "bert": lambda config, layers: bert_macs(config, TOKENS, layers),
    "gpt2": lambda config, layers: gpt2_macs(config, TOKENS, layers),
    "hubert": lambda config, layers: hubert_macs(config, SAMPLES, layers),
    "melhubert": lambda config, layers: melhubert_macs(config, LONGER, layers),
    "vit": vit_macs,
}
"""Closed forms of one input of the family's tiny model."""


def compressed(family: str, done: str, attention: str | None = None) -> PreTrainedModel:
    """Return the family's tiny model after one of the cuts."""
    model = tiny(family, **({} if attention is None else {"attn_implementation": attention}))
    step = CUTS[done]
    if step is None:
        return model
    ctx = Context(anatomy_of(model), None, torch.Generator().manual_seed(0), lambda *_: None, tiny_batch(family))
    return apply(step, model, ctx).model


def counted(model: PreTrainedModel) -> MacCount:
    """Return the count of one sequence."""
    return count_macs(entry_of(model), tiny_batch(model.config.model_type, size=1))


def everywhere() -> list[Any]:
    """Return every (family, cut): all cuts on the representatives, and slow on the others but for the dense model."""
    return [
        pytest.param(family, done, marks=() if family in REPRESENTATIVES or done == "dense" else (pytest.mark.slow,))
        for family in (*FAMILIES, *DISCOVERED)
        for done in CUTS
    ]


@pytest.mark.parametrize(("family", "done"), everywhere())
def test_nothing_is_left_uncounted(family: str, done: str) -> None:
    """No operation of any family lacks a formula, as it comes and after every technique; a cut lowers the count."""
    count, dense = counted(compressed(family, done)), counted(tiny(family))

    assert count.uncounted_ops == {}
    assert (count.executed < dense.executed) is (done not in ("dense", "weights"))
    assert (count.theoretical < count.executed) is (done == "weights")


@pytest.mark.parametrize(("family", "done"), everywhere())
def test_fused_attention_counts_like_plain(family: str, done: str) -> None:
    """A model gives the same number whether attention is one kernel or spelt out."""
    try:
        fused = compressed(family, done, "sdpa")
    except ValueError as error:
        pytest.skip(f"{family} has only attention that is spelt out: {str(error)[:80]}")

    assert counted(fused).executed == counted(compressed(family, done, "eager")).executed


@pytest.mark.parametrize("done", CUTS)
@pytest.mark.parametrize("family", FORMS)
def test_counts_are_closed_forms(family: str, done: str) -> None:
    """To the integer, as the model comes and after every technique."""
    model = compressed(family, done)
    dense = [Layer(WIDTH, WIDTH, UNITS)] * 2

    assert layers_of(tiny(family).config) == dense
    assert counted(model).executed == FORMS[family](model.config, SIZES[done](dense))

"""What this project makes of the model without training, technique by technique, and by its own choice of amounts."""

from functools import partial

from transformers import PreTrainedModel

from benchmarks.quality.harness import Harness
from benchmarks.quality.points import Methods
from jobs.compression.target import reach
from jobs.compression.technique import apply
from jobs.contract.spec import Step, Target


def by_target(harness: Harness, kept: float) -> PreTrainedModel:
    """Return the model within a budget: heads, units and ranks by the service's own choice."""
    model = harness.dense()
    return reach(Target("params", ratio=kept, scope="encoder"), model, harness.context(model)).model


def heads_and_units(harness: Harness, kept: float) -> PreTrainedModel:
    """Return the model without as many heads and feed-forward units in every layer."""
    heads = Step("head_pruning", {"heads_removed": 1 - kept})
    units = Step("ffn_pruning", {"units_removed": 1 - kept})
    return _steps(harness, heads, units)


def low_rank(harness: Harness, kept: float) -> PreTrainedModel:
    """Return the model with its linear maps factorised by what flows through them."""
    return _steps(harness, Step("low_rank", {"rank_ratio": kept, "weighting": "activation"}))


def fewer_layers(harness: Harness, kept: float) -> PreTrainedModel:
    """Return the model with whole layers left out, untaught."""
    layers = harness.dense().config.num_hidden_layers
    return _steps(harness, Step("distillation", {"layers_kept": int(kept * layers + 0.5), "steps": 0}))


def single_weights(harness: Harness, kept: float, *, criterion: str) -> PreTrainedModel:
    """Return the model with zeros in the encoder's linear maps."""
    return _steps(harness, Step("weight_pruning", {"sparsity": 1 - kept, "criterion": criterion}))


def _steps(harness: Harness, *steps: Step) -> PreTrainedModel:
    model = harness.dense()
    for step in steps:
        model = apply(step, model, harness.context(model)).model
    return model


METHODS: Methods = {
    "target": by_target,
    "heads and units": heads_and_units,
    "low rank": low_rank,
    "fewer layers": fewer_layers,
    "single weights, sparsegpt": partial(single_weights, criterion="sparsegpt"),
    "single weights, magnitude": partial(single_weights, criterion="magnitude"),
}

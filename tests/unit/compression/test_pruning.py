"""What the pruning of heads and units does with its scores."""

from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from jobs.batches import Batches
from jobs.compression.anatomy import anatomy_of
from jobs.compression.calibration import calibrate
from jobs.compression.pruning import UNSCORED
from jobs.compression.scoring import swept, units_of
from jobs.compression.technique import Context, Outcome, apply
from jobs.contract.errors import DataRequiredError
from jobs.contract.spec import Step
from tests.tiny import tiny, tiny_batch, tiny_batches

AMOUNTS: dict[str, dict[str, Any]] = {"head_pruning": {"heads_removed": 0.5}, "ffn_pruning": {"units_removed": 0.5}}


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


def context(batches: Batches | None) -> Context:
    """Return what a technique is given with tiny BERT."""
    return Context(anatomy_of(tiny("bert")), batches, torch.Generator().manual_seed(0), silent, tiny_batch("bert"))


def pruned(technique: str, batches: Batches | None, **params: Any) -> Outcome:
    """Return the outcome on tiny BERT."""
    return apply(Step(technique, AMOUNTS[technique] | params), tiny("bert"), context(batches))


def weights(outcome: Outcome) -> dict[str, torch.Tensor]:
    """Return the weights of what came out."""
    model: PreTrainedModel = outcome.model
    return model.state_dict()


@pytest.mark.parametrize("technique", AMOUNTS)
def test_without_data_the_weights_decide_and_the_report_says_so(technique: str) -> None:
    """The default score becomes l1 where there is no data, which a note and the achieved score tell."""
    by_default, by_norm = pruned(technique, None), pruned(technique, None, score="l1")

    assert by_default.achieved["score"] == "l1"
    assert UNSCORED in by_default.notes
    assert UNSCORED not in by_norm.notes
    assert all(torch.equal(each, weights(by_norm)[name]) for name, each in weights(by_default).items())


@pytest.mark.parametrize("score", ["taylor", "fisher"])
@pytest.mark.parametrize("technique", AMOUNTS)
def test_gradient_scores_need_data(technique: str, score: str) -> None:
    """Without data a score by gradients is refused, not replaced."""
    with pytest.raises(DataRequiredError, match="Add a data reference"):
        pruned(technique, None, score=score)


def test_scores_disagree() -> None:
    """Each score leaves other units."""
    batches, scores = tiny_batches("bert", 3), ("obs", "l1", "taylor", "fisher")
    outcomes = [pruned("ffn_pruning", batches, score=each, reconstruct=False) for each in scores]

    sums = {round(sum(float(each.double().sum()) for each in weights(outcome).values()), 6) for outcome in outcomes}
    assert len(sums) == len(outcomes)


def test_units_leave_in_the_order_of_the_sweep() -> None:
    """With score obs and scope layer those stay that the sweep would remove last, in every layer."""
    model, batches = tiny("bert"), tiny_batches("bert", 3)
    blocks = [layer.feed_forward for layer in anatomy_of(model).layers(model)]
    moments = calibrate(model, context(batches), lambda layer: [layer.feed_forward.down], silent)
    expected = [
        swept(units_of(block), each[block.down]).order[block.units // 2 :].sort().values
        for block, each in zip(blocks, moments, strict=True)
    ]

    outcome = pruned("ffn_pruning", batches, reconstruct=False)

    for block, keep, layer in zip(blocks, expected, anatomy_of(model).layers(outcome.model), strict=True):
        assert torch.equal(layer.feed_forward.up.linear.weight, block.up.linear.weight[keep])


@pytest.mark.parametrize("score", ["obs", "l1", "taylor", "fisher"])
def test_across_the_model_the_count_is_exact(score: str) -> None:
    """With scope global as many units go in all as were asked for, whatever they are scored by."""
    outcome = pruned("ffn_pruning", tiny_batches("bert", 3), score=score, scope="global", reconstruct=False)

    assert outcome.achieved["units_kept"] == 64
    assert outcome.achieved["score"] == score

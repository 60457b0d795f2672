"""Low rank: parameters go where the output needs them, and a weighting serves what it weighs."""

from typing import Any

import pytest
import torch
from tiny import tiny, tiny_batch, tiny_batches
from transformers import PreTrainedModel

from jobs.compression.anatomy import anatomy_of
from jobs.compression.technique import Context, Outcome, apply
from jobs.contract.errors import InvalidRequestError
from jobs.contract.spec import Step

BATCHES = tiny_batches("bert", 16, padded=True)
OTHERS = [tiny_batch("bert", seed=seed) for seed in range(100, 104)]


def run(model: PreTrainedModel, **params: Any) -> Outcome:
    """Factorise *model* on the batches."""
    silent = lambda done, total, note="": None  # noqa: E731
    ctx = Context(anatomy_of(model), BATCHES, torch.Generator().manual_seed(0), silent, tiny_batch("bert"))
    return apply(Step("low_rank", params), model, ctx)


def error(**params: Any) -> float:
    """Return the squared error of the output, on batches that nothing was fitted to, at half the parameters."""
    dense, model = tiny("bert"), run(tiny("bert"), rank_ratio=0.5, **params).model
    with torch.no_grad():
        pairs = [(model(**each).last_hidden_state, dense(**each).last_hidden_state) for each in OTHERS]
    return float(sum((mine - whole).square().sum() for mine, whole in pairs))


@pytest.mark.parametrize("ratio", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("weighting", ["fisher", "activation"])
def test_the_share_holds_for_all_maps_together(ratio: float, weighting: str) -> None:
    """By error, maps get different ranks or none at all, and together no more parameters than asked for."""
    achieved = run(tiny("bert"), rank_ratio=ratio, weighting=weighting).achieved

    assert ratio - 0.03 < achieved["rank_ratio"] <= ratio
    assert len(set(achieved["ranks"].values())) + (achieved["left_dense"] > 0) > 1


def test_a_map_that_the_output_does_not_see_gets_least() -> None:
    """Where errors do not reach the output there is nothing to keep."""
    model = tiny("bert")
    layer = anatomy_of(model).layers(model)[1]
    layer.attention.output.linear.weight.data.zero_()

    ranks = run(model, rank_ratio=0.5, weighting="activation", reconstruct=False).achieved["ranks"]

    assert ranks[layer.attention.value.name] == 1


def test_each_part_pays() -> None:
    """Weighing, sharing out by error and fitting each bring the model closer to the dense one."""
    plain = error(reconstruct=False)
    weighed = error(weighting="activation", allocation="uniform", reconstruct=False)
    shared_out = error(weighting="activation", reconstruct=False)
    fitted = error(weighting="activation")

    assert plain > weighed > shared_out > fitted


@pytest.mark.parametrize("params", [{"rank": 4, "allocation": "error"}, {"rank_ratio": 0.5, "allocation": "error"}])
def test_an_allocation_that_cannot_be_made_is_refused(params: dict[str, Any]) -> None:
    """Errors are not known without a weighting, and there is nothing to share out with a fixed rank."""
    with pytest.raises(InvalidRequestError, match="allocation"):
        run(tiny("bert"), **params)

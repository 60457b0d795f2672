"""What weight pruning promises beyond the laws: which weights go, how many, and what the others do about it."""

from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from jobs.batches import Batches, ListBatches
from jobs.compression.anatomy import Slot, anatomy_of
from jobs.compression.cache import Cache
from jobs.compression.streams import listening
from jobs.compression.technique import Context, Outcome, apply
from jobs.contract.catalogue import catalogue, data_required
from jobs.contract.errors import (
    DataRequiredError,
    InvalidRequestError,
    NotApplicableError,
    NothingChangedError,
)
from jobs.contract.spec import Step
from tests.tiny import tiny, tiny_batch, tiny_batches
from tests.unit.compression.test_calibration import Shelf

CRITERIA = ("magnitude", "wanda", "sparsegpt")
ON_DATA = CRITERIA[1:]
WEIGHTS = 2 * (4 * 32 * 32 + 2 * 32 * 64)


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


def prune(model: PreTrainedModel, batches: Batches | None = None, cache: Cache | None = None, **params: Any) -> Outcome:
    """Apply one step of weight pruning."""
    kind = model.config.model_type
    learning = tiny_batches(kind, 3) if batches is None else batches
    ctx = Context(anatomy_of(model), learning, torch.Generator(), silent, tiny_batch(kind), cache)
    return apply(Step("weight_pruning", params), model, ctx)


def slots(model: PreTrainedModel) -> list[Slot]:
    """Return the places of all maps, bottom first."""
    return [slot for layer in anatomy_of(model).layers(model) for slot in layer.slots]


def zeros(model: PreTrainedModel) -> list[torch.Tensor]:
    """Return where each map's matrix is zero."""
    return [slot.linear.weight.detach() == 0 for slot in slots(model)]


def output_error(criterion: str, family: str = "bert", **params: Any) -> float:
    """Return how far pruning moves the model's output, on data that nothing was fitted to."""
    dense, batches = tiny(family), tiny_batches(family, 16)
    pruned = prune(tiny(family), batches, criterion=criterion, **params).model
    others = [tiny_batch(family, seed=seed) for seed in range(100, 104)]
    with torch.no_grad():
        pairs = [(pruned(**each).last_hidden_state, dense(**each).last_hidden_state) for each in others]
    return float(sum((mine - whole).square().sum() for mine, whole in pairs))


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize(("family", "sparsity"), [("bert", 0.5), ("hubert", 0.25), ("vit", 0.75), ("distilbert", 0.5)])
def test_the_share_is_exact_where_it_is_whole(criterion: str, family: str, sparsity: float) -> None:
    """Where the share of all that competes is a whole number, the count of zeros is exactly it."""
    achieved = prune(tiny(family), sparsity=sparsity, criterion=criterion).achieved

    assert achieved == {"sparsity": sparsity, "zeros": sparsity * WEIGHTS, "weights": WEIGHTS}


@pytest.mark.parametrize("sparsity", [0.1, 0.333, 0.9, 0.999])
def test_wanda_takes_as_many_from_every_row(sparsity: float) -> None:
    """Every output loses the nearest count of its inputs, and keeps at least one."""
    model = prune(tiny("bert"), sparsity=sparsity, criterion="wanda").model

    for found in zeros(model):
        inputs = found.shape[1]
        assert set(found.sum(dim=1).tolist()) == {min(round(sparsity * inputs), inputs - 1)}


@pytest.mark.parametrize("sparsity", [0.1, 0.333, 0.9])
def test_sparsegpt_takes_the_nearest_count_from_every_window(sparsity: float) -> None:
    """Within eight neighbouring columns the count of zeros is the nearest to the share."""
    model = prune(tiny("bert"), sparsity=sparsity, criterion="sparsegpt").model

    for found in zeros(model):
        assert {int(window.sum()) for window in torch.split(found, 8, dim=1)} == {round(sparsity * 8 * len(found))}


@pytest.mark.parametrize("criterion", CRITERIA)
def test_two_in_every_four(criterion: str) -> None:
    """Pattern 2:4 leaves exactly two zeros in each four neighbours of a row, with or without saying 0.5."""
    model = prune(tiny("bert"), pattern="2:4", criterion=criterion).model
    said = prune(tiny("bert"), pattern="2:4", criterion=criterion, sparsity=0.5).model

    assert all((found.reshape(-1, 4).sum(dim=1) == 2).all() for found in zeros(model))
    assert all(torch.equal(*pair) for pair in zip(zeros(model), zeros(said), strict=True))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_blocks_go_as_a_whole(criterion: str) -> None:
    """Pattern block leaves squares that are zero or have no zero at all, half of each."""
    model = prune(tiny("bert"), pattern="block", block_size=4, criterion=criterion).model

    blocks = [found.unfold(0, 4, 4).unfold(1, 4, 4).flatten(2).sum(dim=2) for found in zeros(model)]
    assert all(set(each.flatten().tolist()) <= {0, 16} for each in blocks)
    assert sum(int((each == 16).sum()) for each in blocks) == WEIGHTS / 16 / 2


@pytest.mark.parametrize("criterion", CRITERIA)
def test_blocks_that_do_not_fit_are_smaller_at_the_edge(criterion: str) -> None:
    """A side that does not divide the matrix leaves narrower blocks, which go as a whole too."""
    model = prune(tiny("bert"), pattern="block", block_size=12, criterion=criterion, sparsity=0.3).model

    blocks = [
        block for found in zeros(model) for band in torch.split(found, 12) for block in torch.split(band, 12, dim=1)
    ]
    assert {float(each.float().mean()) for each in blocks} == {0, 1}


def test_wanda_is_magnitude_times_input_norm() -> None:
    """In every row those weights go whose size times the root mean square of their input is least."""
    dense, batches = tiny("bert"), tiny_batches("bert", 3)
    rows: list[list[torch.Tensor]] = [[] for _ in slots(dense)]
    with torch.no_grad(), listening(slots(dense), lambda at, given: rows[at].append(given.flatten(0, 1).double())):
        for batch in batches:
            dense(**batch)
    pruned = prune(tiny("bert"), batches, criterion="wanda").model

    for slot, inputs, found in zip(slots(dense), rows, zeros(pruned), strict=True):
        scores = slot.linear.weight.detach().abs() * torch.cat(inputs).square().mean(dim=0).sqrt()
        assert torch.equal(found, scores < scores.median(dim=1, keepdim=True).values.nextafter(torch.tensor(9.0)))


def test_wanda_moves_no_weight() -> None:
    """What stays is what it was, bit for bit."""
    dense, pruned = tiny("bert"), prune(tiny("bert"), criterion="wanda").model

    for before, after, found in zip(slots(dense), slots(pruned), zeros(pruned), strict=True):
        assert torch.equal(after.linear.weight[~found], before.linear.weight[~found])


@pytest.mark.parametrize("params", [{}, {"pattern": "2:4"}, {"pattern": "block", "block_size": 4}], ids=str)
def test_refitting_serves_the_data_best(params: dict[str, Any]) -> None:
    """At the same count of zeros, sparsegpt moves the model's output far less than the others."""
    errors = {criterion: output_error(criterion, **params) for criterion in CRITERIA}

    assert errors["sparsegpt"] < 0.8 * min(errors["wanda"], errors["magnitude"])


@pytest.mark.parametrize("criterion", ON_DATA)
def test_padding_does_not_count(criterion: str) -> None:
    """Sequences padded together give the zeros that they give alone."""
    padded = tiny_batch("bert", padded=True)
    ids = padded["input_ids"]
    alone = ListBatches([{"input_ids": ids[:1]}, {"input_ids": ids[1:, : ids.shape[1] // 2]}])

    together = prune(tiny("bert"), ListBatches([padded]), criterion=criterion).model
    apart = prune(tiny("bert"), alone, criterion=criterion).model

    differing = sum(int((one ^ other).sum()) for one, other in zip(zeros(together), zeros(apart), strict=True))
    assert differing <= 4, "only near ties may be settled otherwise"


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("pattern", [{}, {"pattern": "2:4"}, {"pattern": "block", "block_size": 3}], ids=str)
def test_pruning_again_changes_nothing(criterion: str, pattern: dict[str, Any]) -> None:
    """What is pruned already is refused, and no zero is filled again."""
    model = prune(tiny("bert"), criterion=criterion, **pattern).model

    with pytest.raises(NothingChangedError, match="already"):
        prune(model, criterion=criterion, **pattern)


@pytest.mark.parametrize("criterion", ON_DATA)
def test_both_factors_are_pruned(criterion: str) -> None:
    """In a factorised map each factor loses its share, and the model still gives finite outputs."""
    model = tiny("bert")
    ctx = Context(anatomy_of(model), None, torch.Generator(), silent, probe=tiny_batch("bert"))
    apply(Step("low_rank", {"rank": 8}), model, ctx)

    achieved = prune(model, criterion=criterion).achieved

    assert achieved["sparsity"] == 0.5
    assert all(float((each == 0).float().mean()) == 0.5 for slot in slots(model) for each in slot.matrices())
    assert torch.isfinite(model(**tiny_batch("bert")).last_hidden_state).all()


def test_a_factor_without_whole_fours() -> None:
    """Pattern 2:4 where a matrix has no multiple of four inputs is refused by name, before anything changes."""
    model = tiny("bert")
    ctx = Context(anatomy_of(model), None, torch.Generator(), silent, probe=tiny_batch("bert"))
    apply(Step("low_rank", {"rank": 6, "modules": "feed_forward"}), model, ctx)

    with pytest.raises(NotApplicableError, match=r"layer\.0\.intermediate\.dense has one with 6"):
        prune(model, pattern="2:4")

    assert not any(bool(found.any()) for found in zeros(model))


def test_inputs_that_are_dead_in_the_data_go_first() -> None:
    """A hidden unit that never fires loses its weights before any that does, and the count stays exact."""
    model = tiny("bert", hidden_act="relu")
    for layer in anatomy_of(model).layers(model):
        up = layer.feed_forward.up.linear
        assert up.bias is not None
        up.weight.data[1::2] = 0
        up.bias.data.copy_(torch.tensor([9.0, -1.0]).repeat(len(up.bias) // 2))

    pruned = prune(model, criterion="wanda").model

    for layer in anatomy_of(pruned).layers(pruned):
        found = layer.feed_forward.down.linear.weight == 0
        assert found[:, 1::2].all()
        assert not found[:, ::2].any()


@pytest.mark.parametrize("criterion", ON_DATA)
def test_criteria_on_data_need_data(criterion: str) -> None:
    """They are refused without, by the catalogue before a job is made and by the technique itself."""
    assert data_required(catalogue()["weight_pruning"], {"criterion": criterion})
    with pytest.raises(DataRequiredError, match="Add a data reference"):
        prune(tiny("bert"), ListBatches([]), criterion=criterion)


def test_a_schedule_needs_data_whatever_the_criterion() -> None:
    """Recovery on the way learns from data, so a schedule without any is refused before a job is made."""
    entry = catalogue()["weight_pruning"]

    assert data_required(entry, {"sparsity": 0.5, "schedule": [0.25]})
    assert not data_required(entry, {"sparsity": 0.5})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"pattern": "2:4", "sparsity": 0.6}, "sparsity: expected 0.5 because of pattern 2:4; got 0.6"),
        ({"pattern": "2:4", "sparsity": 0}, "sparsity: expected 0.5"),
        ({"pattern": "block"}, "block_size: expected a value because of pattern block; got nothing"),
        ({"block_size": 4}, "pattern: expected block because of block_size; got nothing"),
        ({"pattern": "2:4", "scope": "layer"}, "pattern: expected unstructured or block because of scope; got '2:4'"),
        ({"criterion": "wanda", "scope": "global"}, "criterion: expected magnitude because of scope; got 'wanda'"),
        ({"criterion": "wanda", "include_bias": True}, "criterion: expected magnitude because of include_bias true"),
        (
            {"pattern": "block", "block_size": 4, "include_bias": True},
            "pattern: expected unstructured because of include_bias true; got 'block'",
        ),
    ],
)
def test_parameters_that_do_not_go_together(params: dict[str, Any], message: str) -> None:
    """A value that would be ignored or contradicts another one is refused, not ignored."""
    with pytest.raises(InvalidRequestError, match=f"weight_pruning: .*{message}"):
        prune(tiny("bert"), **params)


def test_a_schedule_ends_at_the_final_sparsity_and_recovers_on_the_way() -> None:
    """Zeros of one stage are zeros of the next, recovery fills none, and the report says what each stage did."""
    model, heard = tiny("bert"), []
    ctx = Context(
        anatomy_of(model),
        tiny_batches("bert", 4),
        torch.Generator(),
        lambda done, total, note="": heard.append((done, total)),
        probe=tiny_batch("bert"),
    )

    outcome = apply(Step("weight_pruning", {"sparsity": 0.5, "schedule": [0.25], "recovery_steps": 4}), model, ctx)

    assert sum(int(found.sum()) for found in zeros(outcome.model)) == outcome.achieved["zeros"] == WEIGHTS // 2
    assert [each["sparsity"] for each in outcome.achieved["recoveries"]] == [0.25, 0.5]
    assert all(each["loss_after"] <= each["loss_before"] for each in outcome.achieved["recoveries"])
    assert heard[-1][0] == heard[-1][1]


def test_what_is_kept_of_the_dense_model_serves_the_first_stage_alone() -> None:
    """With a cache a schedule gives the weights that it gives without one: later stages measure anew."""
    params = {"criterion": "wanda", "sparsity": 0.6, "schedule": [0.3], "recovery_steps": 2}

    without, kept = (prune(tiny("bert"), cache=cache, **params).model.state_dict() for cache in (None, Shelf()))

    assert all(torch.equal(kept[name], value) for name, value in without.items())


@pytest.mark.parametrize("schedule", [[0.4, 0.2], [0.2, 0.5], [0.6]])
def test_a_schedule_that_does_not_rise_is_refused(schedule: list[float]) -> None:
    """Sparsities that fall, or that reach the final one before the end, are refused with what was expected."""
    with pytest.raises(InvalidRequestError, match=r"rising sparsities below the final 0\.5"):
        prune(tiny("bert"), sparsity=0.5, schedule=schedule)

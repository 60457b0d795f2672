"""What single techniques promise beyond the laws."""

from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from jobs.batches import Batches
from jobs.checkpoint.plan import plan_of
from jobs.compression.anatomy import anatomy_of
from jobs.compression.technique import Context, Outcome, apply
from jobs.contract.errors import (
    DataRequiredError,
    InvalidRequestError,
    NotApplicableError,
    NothingChangedError,
    RankDoesNotPayError,
    TargetUnreachableError,
)
from jobs.contract.spec import Step
from tests.tiny import tiny, tiny_batch, tiny_batches


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


def run(model: PreTrainedModel, technique: str, batches: Batches | None = None, **params: Any) -> Outcome:
    """Apply one step."""
    return apply(
        Step(technique, params),
        model,
        Context(anatomy_of(model), batches, torch.Generator(), silent, tiny_batch(model.config.model_type)),
    )


@pytest.mark.parametrize("include_bias", [False, True])
@pytest.mark.parametrize("sparsity", [0.1, 0.333, 0.5, 0.9, 0.999])
def test_the_count_of_zeros_is_exact(sparsity: float, include_bias: bool) -> None:
    """Weight pruning sets exactly the nearest count to zero, and the smallest ones."""
    model = tiny("hubert")
    dense = sum(parameter.count_nonzero() for parameter in model.parameters())

    achieved = run(model, "weight_pruning", sparsity=sparsity, include_bias=include_bias).achieved

    assert achieved["weights"] == 2 * (4 * 32 * 32 + 2 * 32 * 64 + (5 * 32 + 64 if include_bias else 0))
    assert achieved["zeros"] == round(sparsity * achieved["weights"])
    assert sum(parameter.count_nonzero() for parameter in model.parameters()) == dense - achieved["zeros"]


def test_global_sparsity_differs_between_layers_and_local_does_not() -> None:
    """One threshold spares the layer with larger weights; scope layer treats all alike."""
    found = {}
    for scope in ("global", "layer"):
        model = tiny("bert")
        first, second = anatomy_of(model).layers(model)
        for slot in second.slots:
            slot.linear.weight.data *= 3
        run(model, "weight_pruning", sparsity=0.5, scope=scope)
        found[scope] = [float((layer.feed_forward.up.linear.weight == 0).float().mean()) for layer in (first, second)]

    assert found["global"][0] > found["global"][1] + 0.2
    assert found["layer"][0] == pytest.approx(found["layer"][1], abs=0.1)


def test_pruning_twice_to_the_same_sparsity_changes_nothing() -> None:
    """A step that asks for what is already there is refused."""
    model = tiny("bert")
    run(model, "weight_pruning", sparsity=0.5)

    with pytest.raises(NothingChangedError, match="already"):
        run(model, "weight_pruning", sparsity=0.4)


@pytest.mark.parametrize(
    ("technique", "params"), [("head_pruning", {"heads_kept": 4}), ("ffn_pruning", {"units_kept": 99})]
)
def test_keeping_everything_is_refused(technique: str, params: dict[str, Any]) -> None:
    """A count that keeps all parts is not a silent no-op."""
    with pytest.raises(NothingChangedError):
        run(tiny("vit"), technique, **params)


def test_too_few_heads_for_every_layer() -> None:
    """Across the model at least one head a layer stays."""
    with pytest.raises(TargetUnreachableError, match="2 or more"):
        run(tiny("vit"), "head_pruning", heads_kept=1, scope="global")


def test_an_unknown_technique_is_refused_with_the_known_ones() -> None:
    """The message names what there is."""
    with pytest.raises(InvalidRequestError, match="ffn_pruning, head_pruning"):
        run(tiny("vit"), "magic")


@pytest.mark.parametrize(
    ("technique", "params"),
    [("low_rank", {"rank": 3, "weighting": "activation"}), ("distillation", {"layers_kept": 1})],
)
def test_learning_without_data_is_refused(technique: str, params: dict[str, Any]) -> None:
    """A step that learns from data says so when there is none."""
    with pytest.raises(DataRequiredError, match="Add a data reference"):
        run(tiny("vit"), technique, **params)


def test_a_rank_that_does_not_pay_is_refused_before_anything_changes() -> None:
    """The message names the largest rank that pays in all chosen maps; the model is untouched."""
    model = tiny("bert")
    names = set(model.state_dict())

    with pytest.raises(RankDoesNotPayError, match="largest rank that pays in all chosen maps is 15"):
        run(model, "low_rank", rank=16)

    assert set(model.state_dict()) == names


def test_maps_where_no_rank_pays_stay_dense_and_are_named() -> None:
    """Most of the energy needs nearly full rank: such maps stay dense, and the report says which."""
    model = tiny("bert")
    slot = anatomy_of(model).layers(model)[1].feed_forward.down
    slot.linear.weight.data[:, 2:] = 0

    outcome = run(model, "low_rank", energy=0.99)

    assert list(outcome.achieved["ranks"]) == [slot.name]
    assert outcome.achieved["left_dense"] == 11
    assert "encoder.layer.0.attention.self.query" in outcome.notes[0]


def test_a_factorised_map_is_not_factorised_again() -> None:
    """A second factorisation of the same maps is refused; of other maps it is not."""
    model = tiny("bert")
    run(model, "low_rank", rank=4, modules="attention")
    run(model, "low_rank", rank=4, modules="feed_forward")

    with pytest.raises(NotApplicableError, match="factorised already"):
        run(model, "low_rank", rank=2)


def test_activation_weighting_serves_the_data() -> None:
    """On the data that was seen, weighted factors come closer to the dense output than plain ones."""
    batches = tiny_batches("hubert", 4)
    dense = tiny("hubert")
    errors = {}
    for weighting in ("none", "activation"):
        model = run(tiny("hubert"), "low_rank", batches, rank_ratio=0.5, weighting=weighting).model
        with torch.no_grad():
            pairs = [(model(**each).last_hidden_state, dense(**each).last_hidden_state) for each in batches]
        errors[weighting] = float(sum((mine - whole).square().sum() for mine, whole in pairs))

    assert errors["activation"] < errors["none"]


@pytest.mark.parametrize("asked", [3, [0, 2], [5]])
def test_only_layers_of_the_model_can_be_kept(asked: int | list[int]) -> None:
    """More layers than there are, or a layer that is not there, is refused."""
    with pytest.raises(NotApplicableError, match="2 of the model"):
        run(tiny("vit"), "distillation", layers_kept=asked, steps=0)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"layers_removed": 0.5}, [0, 3]),
        ({"layers_removed": 0.5, "layers_chosen": "first"}, [0, 1]),
        ({"layers_kept": 3, "layers_chosen": "first"}, [0, 1, 2]),
        ({"layers_removed": 0.01}, [0, 1, 3]),
        ({"layers_removed": 0.99}, [3]),
    ],
)
def test_layers_go_by_share_or_count_from_everywhere_or_from_the_top(asked: dict[str, Any], kept: list[int]) -> None:
    """A share is rounded to whole layers, at least one goes and at least one stays."""
    assert run(tiny("bert", layers=4), "distillation", steps=0, **asked).achieved["layers_kept"] == kept


def test_layers_that_are_named_cannot_also_be_chosen() -> None:
    """Indices say which layers stay, so nothing is left to choose."""
    with pytest.raises(NotApplicableError, match="as a count"):
        run(tiny("bert"), "distillation", layers_kept=[0], layers_chosen="first", steps=0)


def test_a_head_that_weighs_all_layers_keeps_them() -> None:
    """A head with a weight for each layer cannot lose layers."""
    model = tiny("hubert", head="ForSequenceClassification", use_weighted_layer_sum=True)

    with pytest.raises(NotApplicableError, match="weighs the states"):
        run(model, "distillation", layers_kept=1, steps=0)


@pytest.mark.parametrize(
    ("family", "technique", "params"),
    [
        ("bert", "weight_pruning", {"sparsity": 0.5}),
        ("bert", "distillation", {"layers_kept": 1, "steps": 0}),
        ("hubert", "ffn_pruning", {"units_removed": 0.5}),
        ("distilbert", "ffn_pruning", {"units_kept": 7}),
        ("dinov2", "ffn_pruning", {"units_kept": 32}),
        ("dinov2", "distillation", {"layers_kept": 1, "steps": 0}),
        ("vit", "head_pruning", {"heads_removed": 0.5}),
        ("deit", "head_pruning", {"heads_kept": 3}),
    ],
)
def test_the_native_door_stays_open(family: str, technique: str, params: dict[str, Any]) -> None:
    """Where the architecture's config can say what a technique did, it says so."""
    model = run(tiny(family), technique, **params).model

    assert plan_of(model).native


def test_the_config_keeps_its_word_where_it_cannot_say() -> None:
    """Uneven widths and ratios that are not whole leave the config as it was."""
    uneven = run(tiny("bert"), "ffn_pruning", units_kept=50, scope="global").model
    odd = run(tiny("dinov2"), "ffn_pruning", units_kept=50).model

    assert uneven.config.intermediate_size == 64
    assert odd.config.mlp_ratio == 2
    assert not plan_of(uneven).native
    assert not plan_of(odd).native

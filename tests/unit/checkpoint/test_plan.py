"""Plans are found by comparing a model with the stock model of its own config."""

import pytest
from cuts import NAMES, NATIVE, STRUCTURAL
from tiny import FAMILIES, tiny
from torch import nn

from jobs.checkpoint.plan import plan_of
from jobs.contract.errors import UnsupportedModelError


@pytest.mark.parametrize("family", FAMILIES)
def test_an_untouched_model_is_native(family: str) -> None:
    """A model that nothing was done to has an empty plan, in every family."""
    plan = plan_of(tiny(family))

    assert plan.native
    assert plan.to_json() == {"modules": [], "attributes": {}}


@pytest.mark.parametrize("family", NAMES)
@pytest.mark.parametrize("cut", NATIVE)
def test_a_result_that_fits_its_config_is_native(family: str, cut: str) -> None:
    """Fewer layers, equal widths and zeros keep the first door open."""
    model = tiny(family)
    NATIVE[cut](model)

    assert plan_of(model).native


@pytest.mark.parametrize("family", NAMES)
@pytest.mark.parametrize("cut", STRUCTURAL)
def test_a_structural_change_is_in_the_plan(family: str, cut: str) -> None:
    """Every layer whose sizes changed or which became two factors has a record."""
    model = tiny(family)
    STRUCTURAL[cut](model)

    plan = plan_of(model)

    assert not plan.native
    assert all((c.in_features, c.out_features) != (c.stock_in, c.stock_out) or c.rank for c in plan.modules)


def test_paths_start_at_the_base_model() -> None:
    """The same plan serves the base model and every head on it."""
    base, head = tiny("bert"), tiny("bert", head="ForSequenceClassification")
    for model in (base, head):
        STRUCTURAL["combined"](model)

    assert plan_of(base) == plan_of(head)
    assert plan_of(base).modules[0].path == "encoder.layer.0.attention.self.query"


def test_counts_that_the_code_reads_are_in_the_plan() -> None:
    """A number of heads kept as an attribute of a cut attention is recorded, and its place in the stack is not."""
    model = tiny("bert")
    STRUCTURAL["uneven_heads"](model)
    model.encoder.layer[1].attention.self.num_attention_heads = 2
    model.encoder.layer[1].attention.self.layer_idx = 7

    assert plan_of(model).to_json()["attributes"] == {"encoder.layer.1.attention.self": {"num_attention_heads": 2}}


def test_a_model_that_no_plan_can_rebuild_is_refused() -> None:
    """A change outside the linear layers is named, not lost."""
    model = tiny("bert")
    model.embeddings.LayerNorm = nn.LayerNorm(16)

    with pytest.raises(UnsupportedModelError, match=r"embeddings\.LayerNorm"):
        plan_of(model)

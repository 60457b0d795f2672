"""What a target owes to whoever sets one: fast for one text, one audio and one vision family, slow for the others."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from jobs.batches import trunk_of
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.writer import write_artifact
from jobs.compression.anatomy import anatomy_of
from jobs.compression.target import reach
from jobs.compression.technique import Context, Outcome
from jobs.contract.spec import Target
from tests.tiny import FAMILIES, REPRESENTATIVES, tiny, tiny_batch, tiny_batches

HALF = Target("params", ratio=0.5, scope="encoder")

everywhere = pytest.mark.parametrize(
    "family",
    [pytest.param(each, marks=() if each in REPRESENTATIVES else (pytest.mark.slow,)) for each in FAMILIES],
)


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


def run(model: PreTrainedModel, target: Target = HALF, progress: Any = silent) -> Outcome:
    """Bring *model* to *target* on three batches, padded where the family pads."""
    kind, anatomy = model.config.model_type, anatomy_of(model)
    batches = tiny_batches(kind, padded=anatomy.modality == "text")
    return reach(target, model, Context(anatomy, batches, torch.Generator().manual_seed(0), progress, tiny_batch(kind)))


def encoder_size(model: PreTrainedModel) -> int:
    """Return the parameters of the layers."""
    return sum(parameter.numel() for parameter in anatomy_of(model).encoder(model).parameters())


@everywhere
def test_the_budget_holds_and_the_result_loads_again(family: str, tmp_path: Path) -> None:
    """The layers are within the budget and near it, as predicted or less; opened again they give the same output."""
    model = tiny(family)
    before = encoder_size(model)

    outcome = run(model)

    after, batch = encoder_size(outcome.model), tiny_batch(family)
    assert 0.47 * before < after <= 0.5 * before
    assert after == outcome.achieved["achieved"] <= outcome.achieved["predicted"]
    source = tmp_path / "source"
    model.save_pretrained(source)
    write_artifact(outcome.model, source=source, out=tmp_path / "out")
    with torch.no_grad():
        found = trunk_of(load_model(tmp_path / "out"))(**batch).last_hidden_state
        wanted = trunk_of(outcome.model)(**batch).last_hidden_state
    assert torch.equal(found, wanted)


@everywhere
def test_the_same_target_gives_the_same_bytes(family: str) -> None:
    """Nothing in it is left to chance."""
    first, second = (run(tiny(family)).model.state_dict() for _ in range(2))

    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@everywhere
def test_nothing_is_left_behind(family: str) -> None:
    """No hook, no gradient and no changed flag or mode stays in the model."""
    model = tiny(family)
    learning = {parameter.requires_grad for parameter in model.parameters()}

    after = run(model).model

    modules = list(after.modules())
    assert not any(module.training or module._forward_hooks or module._forward_pre_hooks for module in modules)
    assert {parameter.requires_grad for parameter in after.parameters()} == learning
    assert all(parameter.grad is None for parameter in after.parameters())

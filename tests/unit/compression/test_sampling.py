"""As much data as fits in minutes, evenly spread; what trains gets all of it."""

import pytest
import torch

from jobs.batches import Batches, ListBatches
from jobs.compression import sampling
from jobs.compression.anatomy import anatomy_of
from jobs.compression.sampling import POSITIONS, WORK, Sample
from jobs.compression.technique import Context, Outcome, apply, registry
from jobs.contract.spec import Step
from tests.tiny import TOKENS, tiny, tiny_batch, tiny_batches


def wanda(batches: Batches) -> Outcome:
    """Prune a tiny BERT on *batches*."""
    model = tiny("bert")
    ctx = Context(anatomy_of(model), batches, torch.Generator(), lambda done, total, note="": None, tiny_batch("bert"))
    return apply(Step("weight_pruning", {"criterion": "wanda"}), model, ctx)


@pytest.mark.parametrize("family", ["bert", "hubert", "vit"])
def test_little_data_is_gone_through_whole(family: str) -> None:
    """What fits stays the very same."""
    model, batches = tiny(family), tiny_batches(family, 5)

    found = Sample(model, anatomy_of(model), batches)

    assert all(a is b for a, b in zip(found, batches, strict=True))
    assert found.notes == ()
    assert list(Sample(model, anatomy_of(model), ListBatches([]))) == []


@pytest.mark.parametrize(("positions", "kept"), [(2 * 2 * TOKENS, [0, 5]), (5 * 2 * TOKENS, [0, 2, 4, 6, 8])])
def test_of_much_data_evenly_spread_batches_stay(
    positions: int, kept: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many batches as hold the positions are taken from everywhere: they lie in the order of their lengths."""
    monkeypatch.setattr(sampling, "POSITIONS", positions)
    monkeypatch.setattr(sampling, "WORK", 0)
    model, batches = tiny("bert"), tiny_batches("bert", 10)

    found = Sample(model, anatomy_of(model), batches)

    assert found.notes == ()
    assert all(a is list(batches)[b] for a, b in zip(found, kept, strict=True))
    assert found.notes == (f"Measured on {len(kept)} of 10 batches of the data, evenly spread.",)


def test_a_smaller_model_goes_through_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions are bounded by the work that they are, as long as that leaves enough of them."""
    model, batches = tiny("bert"), tiny_batches("bert", 10)
    weights = sum(each.numel() for each in model.encoder.parameters())
    monkeypatch.setattr(sampling, "POSITIONS", 1)
    monkeypatch.setattr(sampling, "WORK", weights * 3 * 2 * TOKENS)

    assert len(Sample(model, anatomy_of(model), batches)) == 3
    assert WORK // 85_000_000 == POSITIONS


def test_a_step_that_trains_nothing_sees_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives what it would have given on that part of the data alone, and only what trains is told apart by name."""
    batches = tiny_batches("bert", 6)
    monkeypatch.setattr(sampling, "POSITIONS", 2 * 2 * TOKENS)
    monkeypatch.setattr(sampling, "WORK", 0)

    few, part = wanda(batches), wanda(ListBatches([batches.batches[0], batches.batches[3]]))

    assert all(torch.equal(a, b) for a, b in zip(few.model.parameters(), part.model.parameters(), strict=True))
    assert few.notes == ("Measured on 2 of 6 batches of the data, evenly spread.",)
    assert {name for name, each in registry().items() if each.untrained} == {"distillation", "weight_pruning"}

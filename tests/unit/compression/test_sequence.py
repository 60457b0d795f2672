"""Maps changed in turn: what a change loses, the maps above it make good."""

from collections.abc import Callable

import pytest
import torch
from tiny import tiny, tiny_batch, tiny_batches
from torch import Tensor
from transformers import PreTrainedModel

from jobs.batches import Batches
from jobs.compression.anatomy import Slot, anatomy_of
from jobs.compression.factoring import factors, root_of, spectrum
from jobs.compression.sequence import change_in_turn
from jobs.compression.technique import Context

Change = Callable[[Slot, Tensor], None]


def nothing(slot: Slot, spread: Tensor) -> None:
    """Change nothing."""


def halved(slot: Slot, spread: Tensor) -> None:
    """Set every second column to zero."""
    slot.linear.weight.data[:, ::2] = 0


def lower_rank(slot: Slot, spread: Tensor) -> None:
    """Put the closest matrix of a third of the rank."""
    weight = slot.linear.weight.data
    down, up = factors(spectrum(weight, root_of(spread)), min(weight.shape) // 3)
    weight.copy_(up @ down)


def in_turn(model: PreTrainedModel, change: Change, batches: Batches) -> tuple[str, ...]:
    """Change every map of *model* in turn."""
    ctx = Context(anatomy_of(model), batches, torch.Generator(), lambda done, total, note="": None, {})
    groups = [group for layer in ctx.anatomy.layers(model) for group in layer.groups]
    return change_in_turn(model, groups, change, ctx, ctx.progress)


def error(model: PreTrainedModel, dense: PreTrainedModel, batches: Batches) -> float:
    """Return the squared error of the outputs on *batches*."""
    with torch.no_grad():
        pairs = [(model(**each).last_hidden_state, dense(**each).last_hidden_state) for each in batches]
    return float(sum((mine - whole).square().sum() for mine, whole in pairs))


@pytest.mark.parametrize("family", ["bert", "hubert", "vit"])
def test_a_change_of_nothing_leaves_every_bit(family: str) -> None:
    """Where nothing is lost there is nothing to make good."""
    model = tiny(family)

    in_turn(model, nothing, tiny_batches(family, 3))

    assert all(
        torch.equal(mine, whole) for mine, whole in zip(model.parameters(), tiny(family).parameters(), strict=True)
    )


@pytest.mark.parametrize("family", ["bert", "hubert", "vit"])
def test_what_is_lost_below_is_made_good_above(family: str) -> None:
    """The same change of every map costs less in turn than all at once, on data that nothing was fitted to."""
    batches, others = tiny_batches(family, 16), [tiny_batch(family, seed=seed) for seed in range(100, 104)]
    dense, model, at_once = tiny(family), tiny(family), tiny(family)
    spreads: dict[Slot, Tensor] = {}
    in_turn(model, lower_rank, batches)
    in_turn(at_once, spreads.__setitem__, batches)
    for slot, spread in spreads.items():
        lower_rank(slot, spread)

    assert error(model, dense, others) < 0.9 * error(at_once, dense, others)


def test_the_bias_takes_up_what_a_change_does_to_the_mean() -> None:
    """After a change the map gives, on average over what it is given, what it gave before it."""
    model, batches = tiny("vit"), tiny_batches("vit", 3)
    slot = anatomy_of(model).layers(model)[0].attention.query
    heard: list[Tensor] = []
    handle = slot.linear.register_forward_pre_hook(lambda _, given: heard.append(given[0].detach()))
    for batch in batches:
        model(**batch)
    handle.remove()
    given = torch.cat(heard).flatten(0, 1)
    before = slot.linear(given).mean(dim=0).detach()

    in_turn(model, lambda each, _: halved(each, given) if each == slot else None, batches)

    torch.testing.assert_close(slot.linear(given).mean(dim=0), before)


def test_too_few_positions_are_said() -> None:
    """With fewer positions than inputs a map is changed without a refit, and a note names it."""
    notes = in_turn(tiny("bert"), halved, tiny_batches("bert", 2))

    assert "encoder.layer.1.output.dense" in notes[0]
    assert "send more samples" in notes[0]

"""The calibration pass against plain sums, and what its cache may and may not change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from jobs.batches import Batches, ListBatches
from jobs.compression.anatomy import Layer, Slot, anatomy_of
from jobs.compression.cache import keep, recall
from jobs.compression.calibration import Moments, calibrate
from jobs.compression.streams import listening, passes
from jobs.compression.technique import Context, apply
from jobs.contract.errors import CorruptCheckpointError, DataRequiredError
from jobs.contract.spec import Step
from tests.tiny import tiny, tiny_batch, tiny_batches


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


@dataclass
class Shelf:
    """A cache in memory that counts what is asked of it."""

    records: dict[str, bytes] = field(default_factory=dict)
    reads: int = 0
    writes: int = 0

    def get(self, name: str) -> bytes | None:
        """Return the record."""
        self.reads += 1
        return self.records.get(name)

    def put(self, name: str, content: bytes) -> None:
        """Keep the record."""
        self.writes += 1
        self.records[name] = content


def context(model: PreTrainedModel, batches: Batches | None = None, cache: Shelf | None = None) -> Context:
    """Return what a technique is given."""
    kind = model.config.model_type
    batches = tiny_batches(kind, 3) if batches is None else batches
    return Context(anatomy_of(model), batches, torch.Generator().manual_seed(0), silent, tiny_batch(kind), cache=cache)


def everything(layer: Layer) -> tuple[Slot, ...]:
    """Choose all maps of a layer."""
    return layer.slots


def collected(model: PreTrainedModel, ctx: Context, choose: Any = everything) -> dict[str, Moments]:
    """Return the moments by the map's name."""
    return {slot.name: each for layer in calibrate(model, ctx, choose, silent) for slot, each in layer.items()}


def heard(model: PreTrainedModel, ctx: Context) -> dict[str, torch.Tensor]:
    """Return all that each map is given in plain forward passes, (N, I)."""
    slots = [slot for layer in ctx.anatomy.layers(model) for slot in layer.slots]
    rows: list[list[torch.Tensor]] = [[] for _ in slots]
    with torch.no_grad(), listening(slots, lambda at, given: rows[at].append(given.flatten(0, 1))):
        for batch in ctx.data():
            model.base_model(**batch)
    return {slot.name: torch.cat(found).double() for slot, found in zip(slots, rows, strict=True)}


@pytest.mark.parametrize("family", ["bert", "hubert", "vit"])
def test_moments_are_those_of_plain_forward_passes(family: str) -> None:
    """Running the layers one by one measures what whole forward passes would, for every map."""
    model = tiny(family)
    ctx = context(model)

    found, rows = collected(model, ctx), heard(model, ctx)

    assert found.keys() == rows.keys()
    for name, x in rows.items():
        torch.testing.assert_close(found[name].mean, x.mean(0), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found[name].second, x.T @ x / len(x), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(found[name].covariance, torch.cov(x.T, correction=0), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("family", ["bert", "wav2vec2"])
def test_padding_does_not_count(family: str) -> None:
    """Sequences padded together give the moments that they give alone."""
    model = tiny(family, **({"feat_extract_norm": "layer"} if family == "wav2vec2" else {}))
    padded = tiny_batch(family, padded=True)
    name, values = next(iter(padded.items()))
    alone = ListBatches([{name: values[:1]}, {name: values[1:, : values.shape[1] // 2]}])

    together = collected(model, context(model, ListBatches([padded])))
    apart = collected(model, context(model, alone))

    for name, each in together.items():
        torch.testing.assert_close(each.second, apart[name].second, rtol=1e-3, atol=1e-4)


def test_maps_that_read_the_same_share_their_moments() -> None:
    """Query, key and value get one object, and only what is chosen is measured."""
    model = tiny("bert")

    first, *_ = calibrate(model, context(model), lambda layer: [layer.attention.key], silent)

    assert len(first) == 3
    assert len({id(each) for each in first.values()}) == 1


def test_a_layer_may_be_changed_once_its_moments_are_there() -> None:
    """Layers above see what the layer gave before it was changed."""
    model, untouched = tiny("bert"), tiny("bert")
    expected = collected(untouched, context(untouched))

    found = {}
    for moments in calibrate(model, context(model), everything, silent):
        for slot, each in moments.items():
            found[slot.name] = each.second
            torch.nn.init.zeros_(slot.linear.weight)

    assert all(torch.equal(found[name], each.second) for name, each in expected.items())


def test_gradients_stay_as_they_were_for_who_asks() -> None:
    """Between two layers gradients are on for the caller, and the model is in the mode it was in."""
    model = tiny("bert").train()

    for _ in calibrate(model, context(model), everything, silent):
        assert torch.is_grad_enabled()
        assert all(module.training for module in model.modules())


@pytest.mark.parametrize("kept", [False, True])
def test_progress_grows_to_its_total(kept: bool) -> None:
    """Progress has one total, never goes back and ends at it, with and without a hit."""
    model, shelf, said = tiny("bert"), Shelf(), []
    if kept:
        collected(model, context(model, cache=shelf))

    list(
        calibrate(
            model, context(model, cache=shelf), everything, lambda done, total, note="": said.append((done, total))
        )
    )

    assert {total for _, total in said} == {passes(3, 2)}
    assert [done for done, _ in said] == sorted(done for done, _ in said)
    assert said[-1][0] == passes(3, 2)


def test_the_second_time_nothing_runs() -> None:
    """With a full cache the model is not run, whatever is asked for, and the bits are those of the first time."""
    model, shelf = tiny("bert"), Shelf()
    collected(model, context(model, cache=shelf), lambda layer: [layer.feed_forward.down])
    without = collected(model, context(model))
    runs = []
    model.register_forward_pre_hook(lambda module, given: runs.append(module))

    again = collected(model, context(model, cache=shelf))

    assert not runs
    assert again.keys() == without.keys()
    assert all(torch.equal(again[name].second, each.second) for name, each in without.items())
    assert all(torch.equal(again[name].mean, each.mean) for name, each in without.items())


DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "nothing": lambda record: b"",
    "cut short": lambda record: record[:-4],
    "one bit": lambda record: record[:-1] + bytes([record[-1] ^ 1]),
    "no seal": lambda record: record[32:],
    "noise": lambda record: b"x" * len(record),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_records_are_measured_again(damage: str) -> None:
    """A record that is not what was kept is ignored, and replaced by what is right."""
    model, shelf = tiny("bert"), Shelf()
    expected = collected(model, context(model, cache=shelf))
    whole = dict(shelf.records)
    name = sorted(whole)[2]
    shelf.records[name] = DAMAGES[damage](whole[name])

    again = collected(model, context(model, cache=shelf))

    assert all(torch.equal(again[slot].second, each.second) for slot, each in expected.items())
    assert shelf.records == whole


def test_records_of_other_names_and_shapes_are_foreign() -> None:
    """What was kept under another name, in another shape or with other tensors does not come back."""
    shelf = Shelf()
    keep(shelf, "a", {"x": torch.ones(3)})
    shelf.records["b"] = shelf.records["a"]
    keep(shelf, "half", {"x": torch.ones(3).half()})

    assert recall(shelf, "a", {"x": (3,)}) is not None
    assert recall(shelf, "a", {"x": (4,)}) is None
    assert recall(shelf, "a", {"x": (3,), "y": (3,)}) is None
    assert recall(shelf, "b", {"x": (3,)}) is None
    assert recall(shelf, "half", {"x": (3,)}) is None
    assert recall(shelf, "c", {"x": (3,)}) is None


@pytest.mark.parametrize("technique", ["head_pruning", "ffn_pruning"])
def test_results_do_not_depend_on_the_cache(technique: str) -> None:
    """Without a cache, with an empty one and with a full one a step gives the same weights, bit for bit."""
    amount = {"head_pruning": {"heads_removed": 0.5}, "ffn_pruning": {"units_removed": 0.5}}[technique]
    shelf, results = Shelf(), []
    for cache in (None, shelf, shelf):
        model = tiny("bert")
        results.append(apply(Step(technique, amount), model, replace(context(model), cache=cache)).model.state_dict())

    assert shelf.writes == 8
    assert all(torch.equal(results[0][name], other[name]) for other in results[1:] for name in other)


def test_what_was_measured_on_a_part_of_the_data_does_not_serve_for_all_of_it() -> None:
    """Steps that go through fewer batches and steps that go through all find each their own in one cache."""
    model, shelf = tiny("bert"), Shelf()
    part, whole = tiny_batches("bert", 2), tiny_batches("bert", 3)
    expected = collected(model, context(model, whole))
    collected(model, context(model, part, shelf))

    found = collected(model, context(model, whole, shelf))

    assert all(torch.equal(found[name].second, each.second) for name, each in expected.items())


def test_numbers_that_are_none_are_refused_by_name() -> None:
    """What is not finite inside the model is an error that names the map it reaches."""
    model = tiny("bert")
    with torch.no_grad():
        model.embeddings.LayerNorm.bias[3] = torch.nan

    with pytest.raises(CorruptCheckpointError, match=r"encoder\.layer\.0\.attention\.self\.query"):
        collected(model, context(model))


def test_without_data() -> None:
    """There is nothing to measure without data."""
    model = tiny("bert")

    with pytest.raises(DataRequiredError, match="Add a data reference"):
        collected(model, context(model, ListBatches([])))

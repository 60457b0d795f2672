"""Architectures that are in no table are found by what their maps do, and refused where that is not proven."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
import torch
from odd_models import (
    Odd,
    SecretQueries,
    SharedWeights,
    Skipping,
    SwappedNames,
    TalkingHeads,
    TalkingQueries,
    TalkingUnits,
    odd,
)
from transformers import PreTrainedModel

from jobs.batches import InputKind, trunk_of
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.writer import write_artifact
from jobs.compression.anatomies import BERT, DINOV2, LLAMA, VIT, WAV2VEC2
from jobs.compression.anatomy import Anatomy, anatomy_of
from jobs.compression.companions import Count
from jobs.compression.discovery import discover
from jobs.compression.family import Family
from jobs.compression.surgery import drop_heads, drop_units
from jobs.contract.errors import UnsupportedModelError
from jobs.contract.spec import InputSpec
from jobs.inputs import longest_text, synthetic_batch
from tests.tiny import DISCOVERED, tiny

PARTS = ("query", "key", "value", "output", "up", "gate", "down", "attention_scale", "feed_forward_scale")
LIKE: Mapping[str, Family] = {
    "esm": BERT,
    "camembert": BERT,
    "rembert": BERT,
    "unispeech": WAV2VEC2,
    "eurobert": LLAMA,
    "dinov2_with_registers": DINOV2,
}
"""Rows of the table that name the same parts, written by hand."""


@cache
def row_of(name: str) -> Family:
    """Return what is found in a tiny model."""
    return discover(tiny(name))


@pytest.mark.parametrize("name", list(DISCOVERED))
def test_what_is_found_can_be_cut(name: str) -> None:
    """Every part is found where the config says how much of it there is: heads of eight, 64 units."""
    model = tiny(name)

    anatomy = Anatomy(row_of(name))

    assert anatomy.family.discovered
    found = {(each.attention.heads, each.attention.head_dim, each.feed_forward.units) for each in anatomy.layers(model)}
    assert found == {(4, 8, 64)}
    assert anatomy.depth(model) == 2


@pytest.mark.parametrize("name", list(LIKE))
def test_effects_find_what_a_person_would_write(name: str) -> None:
    """Where the parts have the names of a known family, they are found under those."""
    row = row_of(name)

    assert [getattr(row, part) for part in PARTS] == [getattr(LIKE[name], part) for part in PARTS]
    assert (row.layers, row.modality) == (LIKE[name].layers, LIKE[name].modality)
    assert (row.width, row.width_in_hidden) == (LIKE[name].width, LIKE[name].width_in_hidden)


@pytest.mark.parametrize(
    ("name", "modality", "norm_first", "free_heads"),
    [
        ("esm", "text", True, False),
        ("camembert", "text", False, False),
        ("unispeech", "audio", False, False),
        ("clip_vision_model", "image", True, False),
        ("eurobert", "text", True, True),
        ("dinov2_with_registers", "image", True, True),
    ],
)
def test_how_the_layers_work_is_found(name: str, modality: InputKind, norm_first: bool, free_heads: bool) -> None:
    """What goes in, where the norms are, and whether the config can say fewer heads."""
    row = row_of(name)

    assert (row.modality, row.norm_first, row.free_heads) == (modality, norm_first, free_heads)


def test_counts_that_hang_on_heads_are_found() -> None:
    """RemBERT views by one count; InternVL by two; ESM by none, though it has them."""
    found = {name: row_of(name).companions for name in ("rembert", "internvl_vision", "esm")}

    assert found == {
        "rembert": (Count("attention.self.all_head_size", wide=True),),
        "internvl_vision": (Count("attention.embed_dim", wide=True), Count("attention.num_heads")),
        "esm": (),
    }


def test_rows_of_the_table_are_found_again() -> None:
    """Without the table, a ViT's row is found to the letter, but for who shares it."""
    row = discover(tiny("vit"))

    assert row == Family(
        **{**{name: getattr(VIT, name) for name in VIT.__slots__}, "model_types": ("vit",), "discovered": True}
    )


def test_names_deceive_nobody() -> None:
    """Maps that have each other's names are found by what they do."""
    row = discover(odd(SwappedNames))

    parts = (row.query, row.key, row.value)
    assert parts == ("attention.self.value", "attention.self.query", "attention.self.key")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (TalkingHeads, "one softmax attention was looked for"),
        (TalkingQueries, "heads that know nothing of each other were looked for in attention.self.value"),
        (SecretQueries, "cutting them fails: a layer without some of its heads gives something else"),
        (TalkingUnits, "units that know nothing of each other; none found"),
        (SharedWeights, "with weights of their own were looked for"),
        (Skipping, "each given what the one before gave"),
    ],
)
def test_what_only_seems_standard_is_refused(kind: type[PreTrainedModel], words: str) -> None:
    """A BERT in all names and shapes is refused for what it does."""
    with pytest.raises(UnsupportedModelError, match=words):
        discover(odd(kind))


def test_a_harmless_odd_class_is_found() -> None:
    """The class that the odd ones are made from is found as the BERT that it is."""
    row = discover(odd(Odd))

    assert [getattr(row, part) for part in PARTS] == [getattr(BERT, part) for part in PARTS]


@pytest.mark.parametrize("name", ["esm", "clip_vision_model"])
def test_what_was_cut_before_is_found_again(name: str, tmp_path: Path) -> None:
    """A model that was cut unevenly, written and opened has the same row as before."""
    model, anatomy = tiny(name), Anatomy(row_of(name))
    first, second = anatomy.layers(model)
    drop_heads(first.attention, torch.tensor([1]))
    drop_units(second.feed_forward, torch.arange(7))
    model.save_pretrained(tmp_path / "source")
    write_artifact(model, source=tmp_path / "source", out=tmp_path / "out")

    again = load_model(tmp_path / "out")

    assert discover(again) == anatomy.family
    assert [each.attention.heads for each in anatomy.layers(again)] == [1, 4]


def test_discovery_leaves_the_model_as_it_is() -> None:
    """Weights, modes, hooks and chance are those from before."""
    model = tiny("esm").train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    chance = torch.get_rng_state()

    discover(model)

    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(module.training and not module._forward_hooks for module in model.modules())
    assert torch.equal(torch.get_rng_state(), chance)


def test_zero_weights_hide_nothing() -> None:
    """A model that computes nothing yet, all of whose weights are zero, shows the same parts."""
    model = tiny("dinov2_with_registers")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()

    assert discover(model) == row_of("dinov2_with_registers")


def test_weights_on_disk_are_refused() -> None:
    """A model without bytes computes nothing that could be heard."""
    with pytest.raises(UnsupportedModelError, match="weights stay on disk"):
        anatomy_of(tiny("esm").to("meta"))


@pytest.mark.parametrize("name", ["esm", "camembert", "rembert", "eurobert", "bart"])
def test_the_longest_text_fits(name: str) -> None:
    """What is said to be the longest input of a family passes."""
    model = tiny(name, **({"position_embedding_type": "absolute"} if name == "esm" else {}))
    batch = synthetic_batch("text", model.config, InputSpec("text", tokens=longest_text(model.config)))

    with torch.no_grad():
        found = trunk_of(model)(**batch).last_hidden_state

    assert found.isfinite().all()

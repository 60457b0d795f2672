"""What hangs on a head goes with it, in every variant of the families that have such things."""

import pickle
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from jobs.checkpoint.export import export
from jobs.checkpoint.modelpress_attention import heads_kept
from jobs.checkpoint.plan import plan_of
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.restore import replay
from jobs.checkpoint.writer import write_artifact
from jobs.compression.anatomy import Attention, anatomy_of
from jobs.compression.cutting import Cut, cut_all, inputs_going
from jobs.compression.factoring import factors, spectrum
from jobs.compression.surgery import drop_heads, drop_layers, factorise
from jobs.compression.technique import Context, apply
from jobs.contract.errors import VerificationError
from jobs.contract.spec import Step
from tests.tiny import HEADS, tiny, tiny_batch

UNSHARED_KEYS = {"share_att_key": False}
SHARED_TABLE = {"use_shared_relative_position_bias": True, "use_relative_position_bias": False}
BOTH_TABLES = {"use_shared_relative_position_bias": True, "use_relative_position_bias": True}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "mpnet": ("mpnet", {}),
    "deberta-v2": ("deberta-v2", {}),
    "deberta-v2, keys of its own": ("deberta-v2", UNSHARED_KEYS),
    "deberta-v2, keys to positions only": ("deberta-v2", {**UNSHARED_KEYS, "pos_att_type": ["c2p"]}),
    "deberta-v2, with a convolution": ("deberta-v2", {"conv_kernel_size": 3}),
    "wavlm": ("wavlm", {}),
    "wavlm, normalised first": ("wavlm", {"do_stable_layer_norm": True, "feat_extract_norm": "layer"}),
    "t5": ("t5", {}),
    "t5, gated": ("t5", {"feed_forward_proj": "gated-gelu"}),
    "t5, eager": ("t5", {"attn_implementation": "eager"}),
    "beit": ("beit", {}),
    "beit, one table": ("beit", SHARED_TABLE),
    "beit, both tables": ("beit", BOTH_TABLES),
    "beit, eager, unscaled": ("beit", {**BOTH_TABLES, "attn_implementation": "eager", "layer_scale_init_value": 0.0}),
    "data2vec-vision": ("data2vec-vision", {}),
    "data2vec-vision, one table": ("data2vec-vision", SHARED_TABLE),
    "data2vec-vision, both tables": ("data2vec-vision", BOTH_TABLES),
    "data2vec-vision, eager": ("data2vec-vision", {**BOTH_TABLES, "attn_implementation": "eager"}),
}
TABLES = [name for name in VARIANTS if not name.startswith("deberta-v2") or "keys" in name]
"""Those with anything on a head but a count."""
KEPT = ([0, 2, 3], [1, 3])

STORED = [name for name in VARIANTS if "eager" not in name]
"""Those that are read back in the attention implementation that they have here."""
FIRST_TABLE = {"t5": "layer.0.SelfAttention.relative_attention_bias", "wavlm": "attention.rel_attn_embed"}

pytestmark = pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")  # of transformers' own WavLM
variants = pytest.mark.parametrize("variant", VARIANTS)


def model_of(variant: str) -> PreTrainedModel:
    """Return the variant's tiny model."""
    family, config = VARIANTS[variant]
    return tiny(family, **config)


def output(model: PreTrainedModel) -> torch.Tensor:
    """Return the last hidden states of one batch, padded where the family pads."""
    anatomy = anatomy_of(model)
    with torch.no_grad():
        batch = tiny_batch(model.config.model_type, padded=anatomy.modality != "image")
        found: torch.Tensor = model(**batch).last_hidden_state
    return found


def cut(model: PreTrainedModel, kept: Sequence[Sequence[int]] = KEPT) -> PreTrainedModel:
    """Leave the heads *kept* of each layer."""
    anatomy = anatomy_of(model)
    with anatomy.opened(model):
        for layer, heads in zip(anatomy.layers(model), kept, strict=True):
            drop_heads(layer.attention, torch.tensor(heads))
    return model


def masked(model: PreTrainedModel, kept: Sequence[Sequence[int]] = KEPT) -> PreTrainedModel:
    """Silence all heads but those *kept* of each layer."""
    for layer, heads in zip(anatomy_of(model).layers(model), kept, strict=True):
        going = inputs_going(torch.tensor(heads), HEADS, layer.attention.head_dim)
        layer.attention.output.linear.weight.data[:, going] = 0
    return model


@variants
def test_cut_heads_equal_masked_heads(variant: str) -> None:
    """Whatever a config switches on, cutting a head is the same as ignoring what it says."""
    expected = output(masked(model_of(variant)))

    found = output(cut(model_of(variant)))

    assert (expected - output(model_of(variant))).abs().max() > 1e-2
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@variants
def test_cuts_add_up(variant: str) -> None:
    """Cutting twice is cutting once, and the heads kept are those of the first model."""
    twice = cut(cut(model_of(variant)), ([0, 2], [1]))

    once = cut(model_of(variant), ([0, 3], [3]))

    assert torch.equal(output(twice), output(once))
    assert plan_of(twice) == plan_of(once)


@pytest.mark.parametrize("variant", STORED)
def test_a_cut_model_is_copied_and_reloaded(variant: str, tmp_path: Path) -> None:
    """A copy, and what an artifact gives back, are cut alike, to the bit; the latter can be cut again."""
    model = cut(model_of(variant))
    source = tmp_path / "source"
    model_of(variant).save_pretrained(source)
    write_artifact(model, source=source, out=tmp_path / "out")

    reloaded = load_model(tmp_path / "out")

    assert torch.equal(output(deepcopy(model)), output(model))
    assert torch.equal(output(reloaded), output(model))
    assert torch.equal(output(cut(reloaded, ([2, 1], [0]))), output(cut(model, ([2, 1], [0]))))


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_cut_model_is_exported(variant: str, tmp_path: Path) -> None:
    """Uneven heads and factors are traced too, for torch.export and ONNX, with batch and length free."""
    model = cut(model_of(variant))
    anatomy = anatomy_of(model)
    with anatomy.opened(model):
        slot = anatomy.layers(model)[1].attention.output
        factorise(slot, *factors(spectrum(slot.weight().detach()), 4))

    written = export(model, ("onnx", "pt2"), anatomy.modality, tmp_path)

    assert all(each.relative_error < 1e-5 for each in written)


@pytest.mark.parametrize("variant", ["mpnet", "t5", "wavlm", "beit, one table", "data2vec-vision, one table"])
def test_a_cut_layer_is_pickled(variant: str) -> None:
    """Layers that know their heads go through pickle, as for a worker process."""
    model = cut(model_of(variant))
    encoder = anatomy_of(model).encoder(model)

    again = pickle.loads(pickle.dumps(encoder))  # noqa: S301 - our own bytes

    kept = [heads_kept(module) for module in again.modules() if heads_kept(module) is not None]
    assert kept == list(map(list, KEPT))


def drop_with_others(attention: Attention, keep: torch.Tensor, others: torch.Tensor) -> None:
    """Leave the heads *keep*, but of what hangs on heads what belongs to *others*."""
    drop_heads(replace(attention, companions=()), keep)
    for companion in attention.companions:
        companion.keep(others)


@pytest.mark.parametrize("variant", TABLES)
def test_the_proof_sees_what_hangs_on_heads(variant: str) -> None:
    """Biases, gates or keys of other heads than those that stay are caught, and the layer is named."""
    model = model_of(variant)
    anatomy = anatomy_of(model)
    with anatomy.opened(model):
        low, high = anatomy.layers(model)
        stay, others = torch.tensor([0, 2]), torch.tensor([0, 3])
        going = inputs_going(stay, HEADS, low.attention.head_dim)
        cuts = [
            Cut(low.attention.output, going, partial(drop_heads, low.attention, stay)),
            Cut(high.attention.output, going, partial(drop_with_others, high.attention, stay, others)),
        ]
        with pytest.raises(VerificationError, match=high.attention.output.name):
            cut_all(model, cuts, "attention", context(model), refit=False)


@variants
def test_a_count_left_behind_is_caught(variant: str) -> None:
    """A cut that forgets what hangs on heads ends in an error, of the proof or of the code that reads it."""
    model = model_of(variant)
    anatomy = anatomy_of(model)
    with anatomy.opened(model):
        cuts = []
        for layer, heads in zip(anatomy.layers(model), KEPT, strict=True):
            bare, stay = replace(layer.attention, companions=()), torch.tensor(heads)
            going = inputs_going(stay, HEADS, bare.head_dim)
            cuts.append(Cut(bare.output, going, partial(drop_heads, bare, stay)))
        with pytest.raises((VerificationError, RuntimeError)):
            cut_all(model, cuts, "attention", context(model), refit=False)


@pytest.mark.parametrize("family", FIRST_TABLE)
def test_the_table_of_the_first_layer_outlives_it(family: str) -> None:
    """Without its first layer a model still has the biases of all its layers, and opens as it is until it is cut."""
    model = tiny(family, layers=3)
    encoder = anatomy_of(model).encoder(model)
    table = encoder[0].get_submodule(FIRST_TABLE[family])

    drop_layers(encoder, (1, 2))
    anatomy_of(model).settle(model)

    assert plan_of(model).native
    assert encoder[0].get_submodule(FIRST_TABLE[family]) is table
    assert len(plan_of(cut(model)).heads) == 2
    assert torch.isfinite(output(model)).all()


def context(model: PreTrainedModel) -> Context:
    """Return a context without data."""
    probe = tiny_batch(model.config.model_type)
    return Context(anatomy_of(model), None, torch.Generator(), lambda done, total, note="": None, probe)


@pytest.mark.parametrize(("variant", "native"), [("beit", True), ("beit, one table", False), ("t5", False)])
def test_even_heads_are_native_where_no_table_is_shared(variant: str, native: bool) -> None:
    """As many heads in every layer fit a config that says so, unless they are not the same ones of a table."""
    model = model_of(variant)
    step = Step("head_pruning", {"heads_removed": 0.5, "scope": "layer", "reconstruct": False, "score": "l1"})

    after = apply(step, model, context(model)).model

    assert plan_of(after).native == native


@pytest.mark.parametrize("proj", ["relu", "gated-gelu"])
def test_an_encoder_is_cut_below_its_decoder(proj: str, tmp_path: Path) -> None:
    """A T5 with a decoder loses heads and units of its encoder alone, and opens again as a whole."""
    model = tiny("t5", head="ForConditionalGeneration", feed_forward_proj=proj)
    model.save_pretrained(tmp_path / "source")
    inputs = {**tiny_batch("t5"), "decoder_input_ids": tiny_batch("t5")["input_ids"][:, :4]}
    decoder = {name: value.clone() for name, value in model.state_dict().items() if name.startswith("decoder.")}
    for step in (
        Step("head_pruning", {"heads_kept": 3, "score": "l1"}),
        Step("ffn_pruning", {"units_kept": 24, "score": "l1"}),
    ):
        model = apply(step, model, context(model)).model
    write_artifact(model, source=tmp_path / "source", out=tmp_path / "out")

    reloaded = load_model(tmp_path / "out")

    assert all(torch.equal(model.state_dict()[name], value) for name, value in decoder.items())
    assert torch.equal(reloaded(**inputs).logits, model(**inputs).logits)


def test_an_attention_that_reads_weights_calls_its_factors() -> None:
    """Projections as two factors are called, not read, and all heads are in the plan; zeros alone need no plan."""
    model = tiny("wavlm")
    ctx = context(model)
    sparse = apply(Step("weight_pruning", {"sparsity": 0.5}), model, ctx).model

    assert plan_of(sparse).native
    factorised = apply(Step("low_rank", {"rank_ratio": 0.5, "modules": "attention"}), sparse, ctx).model
    assert plan_of(factorised).heads["encoder.layers.1.attention"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "plan",
    [
        {"heads": {"encoder.layers.0.attention": [0, 4]}},
        {"heads": {"encoder.layers.0.attention": [0, 0]}},
        {"heads": {"encoder.layers.0.attention": [-1]}},
        {"heads": {"encoder.layers.0.attention": []}},
        {"heads": {"encoder.layers.0.attention": [True]}},
        {"heads": {"encoder.layers.0.attention": "01"}},
        {"heads": {"encoder.layers.0.attention": {"0": 1}}},
        {"heads": {"encoder.layers.0.feed_forward": [0]}},
        {"tables": {"encoder.layers.0.attention.gru_rel_pos_const": [1, 5, 1, 1]}},
        {"tables": {"encoder.layers.0.attention.gru_rel_pos_const": [1, 0, 1, 1]}},
        {"tables": {"encoder.layers.0.attention.gru_rel_pos_const": [4]}},
        {"tables": {"encoder.layers.0.attention.gru_rel_pos_const": "1411"}},
        {"tables": {"encoder.layers.0.attention.rel_attn_embed.weight": [32, 2]}},
        {"tables": {"encoder.layers.0.attention.forward": [1]}},
    ],
)
def test_a_plan_keeps_some_heads_and_nothing_else(plan: dict[str, Any]) -> None:
    """A plan that names heads, sizes or modules that the model cannot have is refused."""
    with pytest.raises(ValueError, match="The plan can"):
        replay({"modules": [], **plan}, tiny("wavlm"))

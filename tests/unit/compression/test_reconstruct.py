"""Reconstruction makes up for a cut: never worse on its data, exact where that is possible, and within bounds."""

import gc
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from jobs.activations import hidden_states
from jobs.batches import Batch, Batches, ListBatches, trunk_of
from jobs.compression.anatomy import Attention, FeedForward, Layer, anatomy_of
from jobs.compression.cutting import Cut, cut_all, inputs_going
from jobs.compression.reconstruct import Block, passes, reconstruct
from jobs.compression.surgery import drop_heads, drop_units
from jobs.compression.technique import Context, Outcome, apply
from jobs.contract.spec import Step
from tests.tiny import FAMILIES, HEADS, REPRESENTATIVES, UNITS, tiny, tiny_batch, tiny_batches

STABLE = {"do_stable_layer_norm": True, "feat_extract_norm": "layer"}
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{family: (family, {}) for family in FAMILIES},
    **{f"{family}-stable": (family, STABLE) for family in ("hubert", "wav2vec2", "unispeech-sat")},
    "opt-after": ("opt", {"do_layer_norm_before": False}),
}
"""Every family, and those whose config can put the normalisation first."""

_BERT, _SPEECH, _VIT = ("attention.output", "output"), ("layer_norm", "final_layer_norm"), ("layernorm_after", "")
STREAMS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("bert", "roberta", "xlm-roberta", "electra"), tuple(f"{each}.LayerNorm" for each in _BERT)),
    "mpnet": ("attention.LayerNorm", "output.LayerNorm"),
    "deberta-v2": ("attention.output.LayerNorm", "output.LayerNorm"),
    "wavlm": _SPEECH,
    **dict.fromkeys(("beit", "data2vec-vision"), ("layernorm_after", "")),
    **dict.fromkeys(("t5", "mt5"), ("layer.1.layer_norm", "")),
    "distilbert": ("sa_layer_norm", "output_layer_norm"),
    **dict.fromkeys(("hubert", "wav2vec2", "data2vec-audio", "unispeech-sat", "melhubert"), _SPEECH),
    **dict.fromkeys(("hubert-stable", "wav2vec2-stable", "unispeech-sat-stable"), ("final_layer_norm", "")),
    **dict.fromkeys(("vit", "deit", "audio-spectrogram-transformer"), _VIT),
    "dinov2": ("norm2", ""),
    "vit_mae": _VIT,
    "albert": ("albert_layers.0.attention.LayerNorm", "albert_layers.0.full_layer_layer_norm"),
    "modernbert": ("mlp_norm", ""),
    "gpt2": ("ln_2", ""),
    "opt": ("final_layer_norm", ""),
    "opt-after": ("self_attn_layer_norm", "final_layer_norm"),
    "whisper": ("final_layer_norm", ""),
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3", "gemma"), ("post_attention_layernorm", "")),
    "wav2vec2-bert": ("conv_module", "final_layer_norm"),
}
"""The module of a layer that reads the stream after the attention, and after the feed-forward pair ("": the next)."""

variants = pytest.mark.parametrize(
    "variant",
    [
        pytest.param(each, marks=() if each in (*REPRESENTATIVES, "dinov2", "hubert-stable") else pytest.mark.slow)
        for each in VARIANTS
    ],
)
blocks = pytest.mark.parametrize("block", ["attention", "feed_forward"])
STEPS: Mapping[Block, Step] = {
    "attention": Step("head_pruning", {"heads_removed": 0.5}),
    "feed_forward": Step("ffn_pruning", {"units_removed": 0.75}),
}


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


def made(variant: str, **config: Any) -> PreTrainedModel:
    """Return the tiny model of a variant."""
    family, more = VARIANTS[variant]
    return tiny(family, **more, **config)


def context(model: PreTrainedModel, batches: Batches | None, progress: Any = silent) -> Context:
    """Return a context with these batches."""
    probe = tiny_batch(model.config.model_type)
    return Context(anatomy_of(model), batches, torch.Generator(), progress, probe)


def cut(model: PreTrainedModel, block: Block, batches: Batches | None, progress: Any = silent, **more: Any) -> Outcome:
    """Apply the usual cut of *block*."""
    step = STEPS[block]
    return apply(Step(step.technique, {**step.params, **more}), model, context(model, batches, progress))


def stream_error(model: PreTrainedModel, dense: PreTrainedModel, path: str, layer: int, batches: Batches) -> float:
    """Return the summed squared difference of two models' streams, padding left out, as *path* of *layer* reads it."""
    total = 0.0
    for batch in batches:
        pair = [stream(each, path, layer, batch) for each in (model, dense)]
        real = anatomy_of(model).real_positions(model, batch, pair[0].shape[1])
        apart = (pair[0] - pair[1]).double().square()
        total += float((apart if real is None else apart[real]).sum())
    return total


def stream(model: PreTrainedModel, path: str, layer: int, batch: Batch) -> Tensor:
    """Return what the module *path* of a layer reads, or with an empty path what the layer gives."""
    heard: list[Tensor] = []
    module = anatomy_of(model).encoder(model)[layer].get_submodule(path)
    if path:
        handle = module.register_forward_pre_hook(lambda _, given: heard.append(given[0]))
    else:
        handle = module.register_forward_hook(lambda _, given, output: heard.append(hidden_states(output)))
    with handle, torch.no_grad():
        trunk_of(model)(**batch)
    return heard[0].view(*trunk_of(model)(**batch).last_hidden_state.shape)


@variants
@blocks
def test_each_refit_beats_the_plain_cut_on_its_data(variant: str, block: Block) -> None:
    """On the same inputs, a refitted layer's stream is nearer to the dense one than that of the layer as it was cut."""
    dense = made(variant)
    batches = tiny_batches(dense.config.model_type, 6, padded=anatomy_of(dense).modality == "text")
    path = STREAMS[variant][block == "feed_forward"]
    plain, refitted = made(variant), made(variant)
    cut(plain, block, None)

    cut(refitted, block, batches)

    for index in range(len(anatomy_of(dense).encoder(dense))):
        unfitted = deepcopy(refitted)
        put_back(unfitted, plain, block, index)
        before = stream_error(unfitted, dense, path, index, batches)
        assert stream_error(refitted, dense, path, index, batches) < 0.99 * before


def put_back(model: PreTrainedModel, other: PreTrainedModel, block: Block, index: int) -> None:
    """Give one layer of *model* the map that the *other* has where *block* writes into the stream."""
    anatomy = anatomy_of(model)
    with anatomy.opened(model), anatomy.opened(other):
        layers = [anatomy.layers(each)[index] for each in (model, other)]
        slots = [layer.attention.output if block == "attention" else layer.feed_forward.down for layer in layers]
        slots[0].put(slots[1].linear)


@variants
@blocks
def test_where_nothing_is_cut_nothing_changes(variant: str, block: Block) -> None:
    """Layers that are what they were stay so, to the bit."""
    model = made(variant)
    before = deepcopy(model.state_dict())
    anatomy = anatomy_of(model)
    batches = tiny_batches(model.config.model_type)

    with anatomy.opened(model):
        reconstruct(model, deepcopy(anatomy.encoder(model)), block, anatomy, batches=batches, progress=silent)

    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def output(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Return the last hidden states."""
    with torch.no_grad():
        return trunk_of(model)(**batch).last_hidden_state


def double(layers: Sequence[Layer], block: Block) -> None:
    """Make the second half of all parts copies of the first."""
    blocks = [layer.attention for layer in layers] if block == "attention" else pairs(layers)
    with torch.no_grad():
        for parameter in (each for part in blocks for slot in part.inward for each in slot.linear.parameters()):
            half = len(parameter) // 2
            parameter[half:] = parameter[:half]
        if block == "attention":
            for companion in (each for layer in layers for each in layer.attention.companions):
                companion.keep(torch.arange(HEADS // 2).repeat(2))


def halves(layers: Sequence[Layer], block: Block) -> list[Cut]:
    """Return the cuts that take the second half of all parts."""
    if block == "attention":
        keep = torch.arange(HEADS // 2)
        return [head_cut(layer.attention, keep) for layer in layers]
    keep = torch.arange(UNITS // 2)
    return [Cut(pair.down, inputs_going(keep, UNITS), partial(drop_units, pair, keep)) for pair in pairs(layers)]


def head_cut(attention: Attention, keep: Tensor) -> Cut:
    """Return the cut that leaves the heads in *keep*."""
    going = inputs_going(keep, HEADS, attention.span(attention.output))
    return Cut(attention.output, going, partial(drop_heads, attention, keep))


def pairs(layers: Sequence[Layer]) -> list[FeedForward]:
    """Return all feed-forward pairs, bottom first."""
    return [pair for layer in layers for pair in layer.feed_forwards]


@variants
@blocks
def test_what_the_rest_can_say_is_restored(variant: str, block: Block) -> None:
    """When the parts that go are copies of parts that stay, the output comes back, on other data too."""
    model = made(variant)
    kind, anatomy = model.config.model_type, anatomy_of(model)
    with anatomy.opened(model):
        double(anatomy.layers(model), block)
        dense = output(model, tiny_batch(kind, seed=99))
        plain = deepcopy(model)

        cut_all(model, halves(anatomy.layers(model), block), block, context(model, tiny_batches(kind, 12)), refit=True)

    cut(plain, block, None)
    assert (output(plain, tiny_batch(kind, seed=99)) - dense).abs().max() > 1e-2
    torch.testing.assert_close(output(model, tiny_batch(kind, seed=99)), dense, rtol=0, atol=1e-4)


@blocks
@pytest.mark.parametrize("variant", ["bert", "hubert-stable"])
def test_padding_does_not_matter(variant: str, block: Block) -> None:
    """What stands where the mask says padding has no part in the fit."""
    found = []
    for filling in (0, 1):
        model = made(variant)
        batches = [dict(each) for each in tiny_batches(model.config.model_type, padded=True)]
        for batch in batches:
            name = next(iter(batch))
            batch[name] = torch.where(batch["attention_mask"].bool(), batch[name], filling)
        cut(model, block, ListBatches(batches))
        found.append(model.state_dict())

    assert any(not torch.equal(value, made(variant).state_dict().get(name)) for name, value in found[0].items())
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], rtol=0, atol=1e-5)


@blocks
def test_memory_does_not_grow_with_depth(block: Block) -> None:
    """Hidden states are held at one depth: as many of them for eight layers as for two."""
    shape, most = (2, 12, 32), []
    for depth in (2, 8):
        counts: list[int] = []

        def count(done: int, total: int, note: str = "", counts: list[int] = counts) -> None:
            alive = {each.data_ptr() for each in gc.get_objects() if type(each) is Tensor and each.shape == shape}
            counts.append(len(alive) if note == "reconstruction" else 0)

        cut(tiny("bert", layers=depth), block, tiny_batches("bert", 3), count)
        most.append(max(counts))

    assert most[0] >= 3
    assert most[0] == most[1]


@blocks
def test_data_makes_a_better_model(block: Block) -> None:
    """On batches that it has not seen, the refitted model is nearer to the dense one than the plain cut."""
    dense, batch = tiny("bert", layers=3), tiny_batch("bert", seed=99, size=8)
    errors = []
    for batches in (None, tiny_batches("bert", 40)):
        model = cut(tiny("bert", layers=3), block, batches).model
        errors.append(float((output(model, batch) - output(dense, batch)).square().sum()))

    assert errors[1] < 0.95 * errors[0]


@blocks
def test_a_refit_can_be_declined(block: Block) -> None:
    """With reconstruct false, data changes nothing, and there is nothing to note."""
    plain, declined = tiny("bert"), tiny("bert")
    cut(plain, block, None)

    outcome = cut(declined, block, tiny_batches("bert"), reconstruct=False, score="l1")

    assert outcome.notes == ()
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in declined.state_dict().items())


@blocks
def test_without_data_the_report_says_so(block: Block) -> None:
    """A cut without data is made, and a note says what it lacks."""
    assert "no data" in cut(tiny("vit"), block, None).notes[0]


@blocks
def test_factorised_maps_stay_and_are_named(block: Block) -> None:
    """A map stored as two factors is not refitted; the note names it."""
    model = tiny("bert")
    apply(Step("low_rank", {"rank": 6}), model, context(model, None))

    outcome = cut(model, block, tiny_batches("bert", 6))

    assert "output.dense of layers [0, 1] was not refitted: it is factorised" in outcome.notes[0]


@blocks
def test_too_little_data_is_not_fitted(block: Block) -> None:
    """With fewer positions than inputs, any fit would fit by chance: the plain cut stays, and a note asks for more."""
    plain, model = tiny("bert"), tiny("bert")
    cut(plain, block, None)

    outcome = cut(model, block, ListBatches([{"input_ids": torch.tensor([[5, 6, 7]])}]), score="l1")

    assert "fewer positions" in outcome.notes[0]
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in model.state_dict().items())


def test_progress_is_foretold() -> None:
    """It reports as often as it says, up to its total."""
    model, heard = tiny("bert"), []
    anatomy = anatomy_of(model)

    reconstruct(
        model,
        deepcopy(anatomy.encoder(model)),
        "attention",
        anatomy,
        batches=tiny_batches("bert", 3),
        progress=lambda done, total, note="": heard.append((done, total)),
    )

    assert heard == [(done, 9) for done in range(1, 10)]
    assert passes(3, 2) == 9

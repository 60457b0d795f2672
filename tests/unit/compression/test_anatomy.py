"""Anatomies find the parts, and say what they looked for."""

import pytest
import transformers

from jobs.batches import InputKind
from jobs.compression.anatomies import FAMILIES as ROWS
from jobs.compression.anatomy import anatomy_of
from jobs.contract.errors import UnsupportedModelError
from tests.tiny import FAMILIES, tiny, tiny_batch

PARTS = {**dict.fromkeys(("modernbert", "llama", "mistral", "qwen2", "qwen3", "gemma", "mt5"), 7), "wav2vec2-bert": 8}
"""How many maps a layer has where they are not six: with a gate seven, with two feed-forward pairs eight."""


@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_family_shows_its_parts(family: str) -> None:
    """Each layer shows four heads of eight and 64 units, with and without reading names of any family."""
    model = tiny(family, layers=3)

    anatomy = anatomy_of(model)
    with anatomy.opened(model):
        layers = anatomy.layers(model)

        found = {(part.attention.heads, part.attention.head_dim, part.feed_forward.units) for part in layers}
        assert found == {(4, 8, 64)}
        assert anatomy.depth(model) == sum(layer.uses for layer in layers) == 3
        names = [slot.name for layer in layers for slot in layer.slots]
        assert len(set(names)) == len(names) == len(layers) * PARTS.get(family, 6)


def test_every_row_has_a_tiny_model() -> None:
    """No row of the table goes untested."""
    assert {name for row in ROWS for name in row.model_types} == set(FAMILIES)


@pytest.mark.parametrize(
    ("family", "head"),
    [
        ("bert", "ForMaskedLM"),
        ("xlm-roberta", "ForTokenClassification"),
        ("electra", "ForPreTraining"),
        ("data2vec-audio", "ForCTC"),
        ("unispeech-sat", "ForXVector"),
        ("vit", "ForImageClassification"),
        ("vit_mae", "ForPreTraining"),
        ("gpt2", "LMHeadModel"),
        ("llama", "ForCausalLM"),
        ("modernbert", "ForMaskedLM"),
        ("whisper", "ForAudioClassification"),
        ("whisper", "ForConditionalGeneration"),
        ("audio-spectrogram-transformer", "ForAudioClassification"),
    ],
)
def test_heads_do_not_hide_the_base_model(family: str, head: str) -> None:
    """A task-head model has the anatomy of its base model."""
    model = tiny(family, head=head)

    assert anatomy_of(model).depth(model) == 2


@pytest.mark.parametrize(("family", "modality"), [("bert", "text"), ("hubert", "audio"), ("dinov2", "image")])
def test_modalities(family: str, modality: InputKind) -> None:
    """A family says what goes in."""
    assert anatomy_of(tiny(family)).modality == modality


def test_an_unknown_architecture_is_refused_with_the_known_ones() -> None:
    """The message names what came and every family."""
    config = transformers.FNetConfig(hidden_size=8, num_hidden_layers=1, intermediate_size=8, vocab_size=10)

    with pytest.raises(UnsupportedModelError, match=r"among albert, audio-spectrogram-transformer, beit.*got 'fnet'"):
        anatomy_of(transformers.FNetModel(config))


def test_an_unusual_build_is_refused_with_what_was_looked_for() -> None:
    """A gated feed-forward is not the pair that the family's row describes."""
    model = tiny("dinov2", use_swiglu_ffn=True)

    with pytest.raises(UnsupportedModelError, match=r"Expected a Linear at encoder\.layer\.0\.mlp\.fc1"):
        anatomy_of(model)


def test_text_padding_is_the_attention_mask() -> None:
    """For text, positions are tokens."""
    model, batch = tiny("bert"), tiny_batch("bert", padded=True)

    real = anatomy_of(model).real_positions(model, batch, 12)

    assert real is not None
    assert real.sum(dim=1).tolist() == [12, 6]


def test_audio_padding_is_counted_in_frames() -> None:
    """For waveforms, positions are frames of the front end: 400 samples give 39 of them, 200 give 19."""
    model, batch = tiny("hubert"), tiny_batch("hubert", padded=True)

    real = anatomy_of(model).real_positions(model, batch, 39)

    assert real is not None
    assert real.sum(dim=1).tolist() == [39, 19]


def test_without_a_mask_everything_is_real() -> None:
    """Images have no padding."""
    model = tiny("vit")

    assert anatomy_of(model).real_positions(model, tiny_batch("vit"), 17) is None

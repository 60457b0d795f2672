"""Made-up inputs, and what they refuse."""

import pytest
import torch
from transformers import (
    ASTConfig,
    BertConfig,
    BertModel,
    Dinov2Config,
    HubertConfig,
    RobertaConfig,
    T5Config,
    ViTConfig,
)

from jobs.batches import ListBatches, entry_of, held_out, inference, to_device, trunk_of
from jobs.contract.errors import InvalidRequestError
from jobs.contract.spec import InputSpec
from jobs.inputs import settled_input, synthetic_batch, typical_input
from tests.tiny import MEL_BINS, MEL_FRAMES, tiny

BERT = BertConfig()
AST = ASTConfig(max_length=200, num_mel_bins=16)


def test_typical_inputs() -> None:
    """A typical input has 128 tokens, 10 seconds or the image's own size."""
    assert typical_input("text", BERT) == InputSpec("text", tokens=128)
    assert typical_input("audio", HubertConfig()) == InputSpec("audio", seconds=10.0)
    assert typical_input("image", ViTConfig(image_size=96)) == InputSpec("image", pixels=96)


def test_a_typical_input_fits_the_model() -> None:
    """A model that takes less gets its longest input; one with relative positions has no limit."""
    assert typical_input("text", BertConfig(max_position_embeddings=40)).tokens == 40
    assert typical_input("text", RobertaConfig(max_position_embeddings=42)).tokens == 40
    assert typical_input("text", T5Config()).tokens == 128
    assert typical_input("audio", AST).seconds == 2.0


def test_text_has_valid_ids_without_special_ones() -> None:
    """Ids lie in the vocabulary and none of the config's special tokens is among them."""
    config = BertConfig(vocab_size=12, pad_token_id=0, bos_token_id=3, eos_token_id=11)

    batch = synthetic_batch("text", config, InputSpec("text", batch_size=8, tokens=64))

    assert batch["input_ids"].shape == batch["attention_mask"].shape == (8, 64)
    assert set(batch["input_ids"].flatten().tolist()) == set(range(12)) - {0, 3, 11}
    assert bool(batch["attention_mask"].all())


def test_audio_is_noise_at_16_khz() -> None:
    """Half a second is 8000 samples of zero mean and unit variance."""
    values = synthetic_batch("audio", HubertConfig(), InputSpec("audio", batch_size=4, seconds=0.5))["input_values"]

    assert values.shape == (4, 8000)
    assert abs(float(values.mean())) < 0.05
    assert abs(float(values.std()) - 1) < 0.05


def test_a_spectrogram_has_the_models_own_length() -> None:
    """A model of fixed length gets all its frames, however short the audio."""
    values = synthetic_batch("audio", AST, InputSpec("audio", seconds=0.5))["input_values"]

    assert values.shape == (1, 200, 16)


@pytest.mark.parametrize(
    ("family", "seconds", "shape"),
    [("whisper", 0.3, (2, MEL_BINS, MEL_FRAMES)), ("wav2vec2-bert", 1.5, (2, 75, MEL_BINS))],
)
def test_spectrograms_are_what_their_model_takes(family: str, seconds: float, shape: tuple[int, ...]) -> None:
    """One family takes all of one length, columns in time, the other 50 rows a second; both go through the model."""
    model = tiny(family)
    batch = synthetic_batch("audio", model.config, InputSpec("audio", batch_size=2, seconds=seconds))

    assert {name: tuple(value.shape) for name, value in batch.items()} == {"input_features": shape}
    assert trunk_of(model)(**batch).last_hidden_state.shape[0] == 2


def test_a_masked_image_comes_with_its_mask() -> None:
    """What decides which patches are left out is part of the batch, so that two models leave out the same."""
    model = tiny("vit_mae")
    batch = synthetic_batch("image", model.config, InputSpec("image"))

    first, second = (model(**batch).last_hidden_state for _ in range(2))

    assert batch["noise"].shape == (1, 16)
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("head", "enters"), [("Model", "WhisperEncoder"), ("ForAudioClassification", "WhisperForAudioClassification")]
)
def test_of_an_encoder_and_decoder_the_encoder_counts(head: str, enters: str) -> None:
    """Hidden states are the encoder's; a batch goes into the whole model only where no decoder wants more."""
    model = tiny("whisper", head=head)

    assert type(trunk_of(model)).__name__ == "WhisperEncoder"
    assert type(entry_of(model)).__name__ == enters


def test_images_have_the_models_size() -> None:
    """Square and oblong images come as the config says."""
    square = synthetic_batch("image", ViTConfig(image_size=32, patch_size=8, num_channels=1), InputSpec("image"))
    oblong = synthetic_batch("image", ViTConfig(image_size=[32, 48]), InputSpec("image", batch_size=2))

    assert square["pixel_values"].shape == (1, 1, 32, 32)
    assert oblong["pixel_values"].shape == (2, 3, 32, 48)


@pytest.mark.parametrize(
    ("modality", "config"), [("text", BERT), ("audio", HubertConfig()), ("image", ViTConfig(image_size=32))]
)
def test_the_seed_decides(modality: str, config: object) -> None:
    """The same seed gives the same batch, another one another."""
    spec = InputSpec(modality)
    first, again, other = (synthetic_batch(modality, config, spec, seed=seed) for seed in (1, 1, 2))
    name = next(iter(first))

    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


@pytest.mark.parametrize(
    ("modality", "config", "spec", "message"),
    [
        ("text", BERT, InputSpec("image"), "kind 'text'.*got 'image'"),
        ("text", BERT, InputSpec("text", tokens=513), "at most 512 tokens.*got 513"),
        ("audio", HubertConfig(), InputSpec("audio", seconds=0.02), "at least 0.025 .*got 0.02"),
        ("audio", AST, InputSpec("audio", seconds=9), "at most 2 seconds.*got 9"),
        ("image", ViTConfig(), InputSpec("image", pixels=256), "224 pixels.*got 256"),
        ("image", Dinov2Config(), InputSpec("image", pixels=8), "one patch, 14 pixels.*got 8"),
    ],
)
def test_inputs_that_the_model_cannot_take(modality: str, config: object, spec: InputSpec, message: str) -> None:
    """A wrong kind or length is refused with what was expected and what came."""
    with pytest.raises(InvalidRequestError, match=message):
        settled_input(modality, config, spec)


def test_a_family_that_interpolates_takes_any_size() -> None:
    """DINOv2 images need not have the config's size."""
    assert settled_input("image", Dinov2Config(), InputSpec("image", pixels=96)).pixels == 96


def test_a_list_of_batches_repeats_itself() -> None:
    """Iterating twice gives the same batches twice."""
    batches = ListBatches([{"x": torch.zeros(1)}, {"x": torch.ones(1)}])

    assert len(batches) == 2
    assert list(batches) == list(batches)


@pytest.mark.parametrize(("count", "judges"), [(1, [0]), (2, [1]), (4, [3]), (5, [4]), (12, [4, 9])])
def test_a_fifth_of_the_batches_judges(count: int, judges: list[int]) -> None:
    """What judges is never learnt from, unless there is a single batch; both keep their order."""
    batches = [{"x": torch.tensor([index])} for index in range(count)]

    learning, judging = ([int(batch["x"]) for batch in part] for part in held_out(ListBatches(batches)))

    assert judging == judges
    assert learning == ([0] if count == 1 else [index for index in range(count) if index not in judges])


def test_a_batch_moves_as_a_whole() -> None:
    """Every tensor of a batch lands on the device."""
    moved = to_device({"a": torch.zeros(1), "b": torch.zeros(2)}, torch.device("meta"))

    assert {tensor.device.type for tensor in moved.values()} == {"meta"}


def test_inference_gives_models_back_as_they_were() -> None:
    """Inside the block a model evaluates without gradients; after it each module is in its old mode."""
    model = BertModel(BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1)).train()
    model.pooler.eval()

    with inference(model):
        within = (model.training, torch.is_grad_enabled())

    assert within == (False, False)
    assert model.training
    assert not model.pooler.training
    assert torch.is_grad_enabled()

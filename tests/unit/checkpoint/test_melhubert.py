"""MelHuBERT: its front end, its two kinds of input, and the folders it is saved in."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny import tiny, tiny_batch
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoModelForPreTraining, HubertModel, Wav2Vec2FeatureExtractor
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from jobs.checkpoint.modelpress_melhubert import FRAME, LogMel, MelHubertConfig, MelHubertForPreTraining, MelHubertModel
from jobs.checkpoint.plan import plan_of
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.writer import write_artifact
from jobs.contract.errors import CorruptCheckpointError
from jobs.datasets import audio

LENGTHS = (400, 559, 560, 720, 3440)
"""One frame, the most samples of one frame, two frames, three, twenty."""


@pytest.fixture
def model() -> Any:
    """Return a tiny MelHuBERT."""
    return tiny("melhubert")


def _speech(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) / 10


def test_the_default_is_the_published_model() -> None:
    """MelHuBERT-20ms with its head of 512 clusters has 90,231,424 parameters."""
    with torch.device("meta"):
        model = MelHubertForPreTraining(MelHubertConfig())

    assert model.num_parameters() == 90_231_424
    assert model.melhubert.num_parameters() == 90_231_424 - 512 * 769


def test_positions_of_ten_milliseconds(model: Any) -> None:
    """Without stacking there is a position for every frame, and the projection reads one frame."""
    fine = tiny("melhubert", frames_stacked=1)
    batch = tiny_batch("melhubert")

    assert fine.feature_projection.in_features == 16
    assert fine(**batch).last_hidden_state.shape == (2, 20, 32)
    assert model(**batch).last_hidden_state.shape == (2, 10, 32)


def test_the_front_end_is_the_usual_one() -> None:
    """The frames are those of transformers' own spectrogram with Kaldi's settings."""
    waveform = _speech(16_000)
    filters = mel_filter_bank(257, 40, 20.0, 8000.0, 16_000, None, "kaldi", triangularize_in_mel_space=True)
    expected = spectrogram(
        waveform.numpy() * 2**15,
        window_function(400, "hamming", periodic=False),
        frame_length=400,
        hop_length=160,
        fft_length=512,
        power=2.0,
        center=False,
        preemphasis=0.97,
        mel_filters=filters,
        log_mel="log",
        mel_floor=1.192092955078125e-07,
        remove_dc_offset=True,
    )

    frames = LogMel(MelHubertConfig())(waveform.unsqueeze(0))[0]

    assert frames.shape == (98, 40)
    torch.testing.assert_close(frames, torch.from_numpy(expected.T.copy()).float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("per_bin", [False, True])
def test_frames_are_normalised_as_the_config_says(per_bin: bool) -> None:
    """The mean is subtracted and the deviation divided by, one for all bins or one for each."""
    mean, std = ([14.0, 15.0, 16.0], [3.0, 2.0, 4.0]) if per_bin else (14.0, 3.0)
    waveform = _speech(1, 3440)

    plain = LogMel(MelHubertConfig(num_mel_bins=3))(waveform)
    scaled = LogMel(MelHubertConfig(num_mel_bins=3, feature_mean=mean, feature_std=std))(waveform)

    torch.testing.assert_close(scaled, (plain - torch.tensor(mean)) / torch.tensor(std))


def test_statistics_of_another_number_of_bins_are_refused() -> None:
    """A config with too few means says so when the model is built."""
    with pytest.raises(ValueError, match="16 mel bins"):
        tiny("melhubert", feature_mean=[1.0, 2.0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_front_end_computes_in_float32(model: Any, dtype: torch.dtype) -> None:
    """A model of another type has the same features as before, and gives hidden states of its type."""
    batch = tiny_batch("melhubert")
    before = model.features(**batch)

    model.to(dtype)

    assert torch.equal(model.features(**batch), before)
    assert model(**batch).last_hidden_state.dtype == dtype


def test_the_front_end_has_nothing_to_learn_or_store(model: Any) -> None:
    """Neither parameters nor stored tensors."""
    assert not list(model.front_end.parameters())
    assert not model.front_end.state_dict()


def test_features_stand_in_for_the_waveform(model: Any) -> None:
    """Stacked frames give what their waveform gives, padded or not; a mask then counts positions."""
    batch = tiny_batch("melhubert", padded=True)
    features = model.features(**batch)
    mask = model._get_feature_vector_attention_mask(features.shape[1], batch["attention_mask"])

    expected = model(**batch).last_hidden_state
    given = model(input_features=features, attention_mask=mask.long()).last_hidden_state

    assert features.shape == (2, 10, 32)
    assert mask.sum(1).tolist() == [10, 5]
    assert torch.equal(given, expected)


@pytest.mark.parametrize("samples", LENGTHS)
def test_padding_changes_nothing(model: Any, samples: int) -> None:
    """A recording gives the same in a padded batch as alone, whatever its length."""
    short, long = _speech(1, samples), _speech(1, 5000, seed=1)
    padded = torch.cat([torch.nn.functional.pad(short, (0, 5000 - samples)), long])
    mask = (torch.arange(5000) < torch.tensor([[samples], [5000]])).long()

    alone = model(short).last_hidden_state
    together = model(padded, attention_mask=mask).last_hidden_state[:1, : alone.shape[1]]

    assert alone.shape[1] == model._get_feat_extract_output_lengths(samples)
    torch.testing.assert_close(together, alone, rtol=0, atol=2e-5)


@pytest.mark.parametrize("inputs", [{}, {"input_values": _speech(1, FRAME), "input_features": _speech(1, 1, 32)}])
def test_one_kind_of_input_is_needed(model: Any, inputs: dict[str, Tensor]) -> None:
    """Neither input, or both, is refused with a sentence."""
    with pytest.raises(ValueError, match="either input_values"):
        model(**inputs)


def test_the_head_names_a_cluster_for_each_position() -> None:
    """The class of pre-training gives logits over the clusters, and hidden states when asked for."""
    model = tiny("melhubert", head="ForPreTraining")

    found = model(**tiny_batch("melhubert"), output_hidden_states=True)

    assert found.logits.shape == (2, 10, 20)
    assert len(found.hidden_states) == 3


@pytest.mark.parametrize(("head", "auto"), [("Model", AutoModel), ("ForPreTraining", AutoModelForPreTraining)])
def test_a_saved_model_opens_again(tmp_path: Path, head: str, auto: Any) -> None:
    """The Auto classes open what save_pretrained wrote, tables of the front end included."""
    model, batch = tiny("melhubert", head=head, feature_mean=15.0), tiny_batch("melhubert")

    model.save_pretrained(tmp_path)
    again = auto.from_pretrained(tmp_path)

    assert type(again) is type(model)
    assert torch.equal(again(**batch)[0], model(**batch)[0])
    assert (tmp_path / "modelpress_melhubert.py").is_file()
    assert "window" not in " ".join(load_file(tmp_path / "model.safetensors"))


def test_no_other_class_opens_it(model: Any, tmp_path: Path) -> None:
    """HubertModel, whose encoder has the same names, stops at the lock instead of drawing a front end."""
    model.save_pretrained(tmp_path)

    with pytest.raises(ValueError, match="trust_remote_code"):
        HubertModel.from_pretrained(tmp_path)


def test_a_dense_model_is_read_without_its_code(model: Any, tmp_path: Path) -> None:
    """The worker opens a MelHuBERT with its own class; what lies beside the weights is not run."""
    model.save_pretrained(tmp_path)
    (tmp_path / "modelpress_melhubert.py").write_text("raise SystemExit('run')")

    read = load_model(tmp_path)

    batch = tiny_batch("melhubert")
    assert type(read) is MelHubertModel
    assert torch.equal(read(**batch).last_hidden_state, model(**batch).last_hidden_state)


@pytest.mark.parametrize(
    "fields", [{"num_mel_bins": 10**9}, {"feature_std": [1.0, 2.0]}, {"feature_mean": "loud"}, {"frames_stacked": -1}]
)
def test_a_config_that_makes_no_sense_is_refused(model: Any, tmp_path: Path, fields: dict[str, Any]) -> None:
    """Nothing large is allocated for it and nothing breaks later: the reader names the config."""
    model.save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | fields))

    with pytest.raises(CorruptCheckpointError):
        load_model(tmp_path)


def test_a_result_without_a_plan_brings_the_class_along(model: Any, tmp_path: Path) -> None:
    """Fewer layers fit the config, but transformers lacks the class: the door is not the native one."""
    model.save_pretrained(tmp_path / "source")
    del model.encoder.layers[1:]
    model.config.num_hidden_layers = 1

    plan = write_artifact(model, source=tmp_path / "source", out=tmp_path / "out")

    assert (plan.native, plan.door, plan_of(tiny("hubert")).door) == (True, "modelpress", "native")
    assert (tmp_path / "out" / "modelpress_melhubert.py").is_file()
    assert AutoConfig.from_pretrained(tmp_path / "out").num_hidden_layers == 1
    assert json.loads((tmp_path / "out" / "compression.json").read_text())["door"] == "modelpress"


def test_recordings_are_read_as_they_are(model: Any, tmp_path: Path) -> None:
    """Without a feature extractor of its own a MelHuBERT gets waveforms that are not scaled, with a mask."""
    model.save_pretrained(tmp_path)
    batch = audio._batch(audio._extractor(tmp_path), [_speech(800), _speech(1600)])

    assert torch.equal(batch["input_values"][1], _speech(1600))
    assert batch["attention_mask"].sum(1).tolist() == [800, 1600]


def test_an_extractor_beside_the_weights_is_used(model: Any, tmp_path: Path) -> None:
    """The folder's own feature extractor decides."""
    model.save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(tmp_path)

    assert audio._extractor(tmp_path).do_normalize

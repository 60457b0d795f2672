"""The demo's speech model."""

import logging
from pathlib import Path

NOISY = ("torchao", "torch.utils._pytree")
"""What talks about itself while transformers is loaded."""


def write_hubert(folder: Path) -> Path:
    """Write a model of HuBERT-base's size (94.4 M parameters) from its configuration, and return *folder*.

    Its weights are random, with a fixed seed: sizes and times are the real one's, its hidden states mean nothing.
    """
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    import torch  # noqa: PLC0415 - seconds to load, and only needed here
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor  # noqa: PLC0415
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()
    torch.manual_seed(0)
    HubertModel(HubertConfig()).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=False).save_pretrained(folder)
    return folder

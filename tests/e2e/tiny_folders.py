"""Folders of tiny models and of data, made in code, as callers have them on their disks."""

import string
from pathlib import Path

from tiny import tiny
from transformers import BertTokenizer, Wav2Vec2FeatureExtractor

from deploy.demo.data import write_sentences, write_voices
from jobs.state.storage import S3Store

LETTERS = (*string.ascii_lowercase, *string.digits)
FAMILIES = ("bert", "hubert")
VOICES, SENTENCES, SECONDS = 12, 48, 0.2


def write_model(model_type: str, folder: Path) -> Path:
    """Write a tiny BERT with its tokenizer or a tiny HuBERT with its feature extractor, and return *folder*."""
    tiny(model_type).save_pretrained(folder)
    companions = {"bert": _tokenizer, "hubert": Wav2Vec2FeatureExtractor}
    companions[model_type]().save_pretrained(folder)
    return folder


def write_data(model_type: str, folder: Path) -> Path:
    """Write sentences for a BERT or recordings for a HuBERT, and return *folder*."""
    folder.mkdir(parents=True)
    if model_type == "bert":
        write_sentences(folder / "sentences.txt", SENTENCES)
        return folder
    return write_voices(folder, VOICES, SECONDS)


def put_folder(store: S3Store, folder: Path, prefix: str) -> None:
    """Put the files of *folder* into a bucket."""
    for file in sorted(folder.iterdir()):
        store.upload_file(f"{prefix}/{file.name}", file)


def _tokenizer() -> BertTokenizer:
    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS))
    return BertTokenizer(vocab={word: index for index, word in enumerate(words)})

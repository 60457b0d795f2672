"""Folders of tiny models and of data, made in code, as callers have them on their disks."""

import string
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image
from tiny import PIXELS, tiny
from transformers import BertTokenizer, ViTImageProcessorPil, Wav2Vec2FeatureExtractor

from deploy.demo.data import write_sentences, write_voices
from jobs.state.storage import S3Store

LETTERS = (*string.ascii_lowercase, *string.digits)
FAMILIES = ("bert", "hubert")
VOICES, SENTENCES, IMAGES, SECONDS = 12, 48, 12, 0.2


def write_model(model_type: str, folder: Path) -> Path:
    """Write a tiny BERT, HuBERT or ViT with what makes its inputs, and return *folder*."""
    tiny(model_type).save_pretrained(folder)
    companions = {"bert": _tokenizer, "hubert": Wav2Vec2FeatureExtractor, "vit": _image_processor}
    companions[model_type]().save_pretrained(folder)
    return folder


def write_data(model_type: str, folder: Path) -> Path:
    """Write sentences for a BERT, recordings for a HuBERT or images for a ViT, and return *folder*."""
    folder.mkdir(parents=True)
    if model_type == "bert":
        write_sentences(folder / "sentences.txt", SENTENCES)
        return folder
    return _write_images(folder) if model_type == "vit" else write_voices(folder, VOICES, SECONDS)


def write_tones(folder: Path, count: int = 24) -> Path:
    """Write high and low tones in noise, by turns, with a table that says which is which, and return *folder*."""
    folder.mkdir(parents=True)
    chance, moments = np.random.default_rng(0), np.arange(1600) / 16_000
    rows = ["file_name,pitch,hertz,phones"]
    for place in range(count):
        pitch, hertz = (("low", 200), ("high", 2000))[place % 2]
        wave = np.sin(moments * hertz * 2 * np.pi) / 2 + chance.normal(scale=0.01, size=len(moments))
        soundfile.write(folder / f"{place}.wav", wave, 16_000)
        rows.append(f"{place}.wav,{pitch},{hertz},{pitch[0]}")
    (folder / "metadata.csv").write_text("\n".join(rows))
    return folder


def put_folder(store: S3Store, folder: Path, prefix: str) -> None:
    """Put the files of *folder* into a bucket."""
    for file in sorted(folder.iterdir()):
        store.upload_file(f"{prefix}/{file.name}", file)


def _write_images(folder: Path) -> Path:
    generator = np.random.default_rng(0)
    for index in range(IMAGES):
        pixels = generator.integers(0, 256, (12, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


def _image_processor() -> ViTImageProcessorPil:
    return ViTImageProcessorPil(size={"height": PIXELS, "width": PIXELS})


def _tokenizer() -> BertTokenizer:
    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS))
    return BertTokenizer(vocab={word: index for index, word in enumerate(words)})

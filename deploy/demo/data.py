"""Calibration data that every machine can make: sentences from Python's own documentation, and synthetic voices."""

import importlib
import inspect
import math
import random
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path

MODULES = (
    *("argparse", "calendar", "collections", "concurrent.futures", "configparser", "csv", "datetime", "decimal"),
    *("difflib", "functools", "gettext", "heapq", "itertools", "json", "logging", "os", "pathlib", "pickletools"),
    *("random", "shutil", "smtplib", "socket", "statistics", "string", "subprocess", "tarfile", "tempfile"),
    *("textwrap", "threading", "unittest", "urllib.request", "uuid", "wave", "zipfile"),
)
WORDS_MIN, WORDS_MAX = 8, 60
SAMPLE_RATE_HZ = 16_000
LOUDNESS = 8_000


def write_sentences(path: Path, count: int) -> Path:
    """Write *count* paragraphs of the standard library's docstrings, one a line, and return *path*."""
    paragraphs = sorted(set(_paragraphs()))
    random.Random(0).shuffle(paragraphs)  # noqa: S311 - an order, not a secret
    path.write_text("\n".join(paragraphs[:count]) + "\n")
    return path


def write_voices(folder: Path, count: int, seconds: float) -> Path:
    """Write *count* wav files of gliding, vibrating harmonics in noise, and return *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        with wave.open(str(folder / f"voice-{index:02}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE_HZ)
            file.writeframes(_voice(random.Random(index), seconds).tobytes())  # noqa: S311 - a sound, not a secret
    return folder


def _paragraphs() -> Iterator[str]:
    for module in map(importlib.import_module, MODULES):
        for thing in (module, *(getattr(module, name) for name in getattr(module, "__all__", ()))):
            for paragraph in (inspect.getdoc(thing) or "").split("\n\n"):
                if WORDS_MIN <= len(paragraph.split()) <= WORDS_MAX:
                    yield " ".join(paragraph.split())


def _voice(chance: random.Random, seconds: float) -> "array[int]":
    pitch, glide, wobble = chance.uniform(90, 220), chance.uniform(-40, 40), chance.uniform(3, 7)
    formant = chance.uniform(400, 2500)
    samples, phase = array("h"), 0.0
    for index in range(int(seconds * SAMPLE_RATE_HZ)):
        time_s = index / SAMPLE_RATE_HZ
        hertz = pitch + glide * time_s + 6 * math.sin(2 * math.pi * wobble * time_s)
        phase += 2 * math.pi * hertz / SAMPLE_RATE_HZ
        harmonics = sum(math.sin(k * phase) / (1 + abs(k * hertz - formant) / 300) for k in range(1, 13))
        samples.append(int(LOUDNESS * (harmonics / 4 + chance.gauss(0, 0.02))))
    return samples

"""From a folder to batches: which files, which samples of them, in which order."""

from collections.abc import Callable, Mapping
from pathlib import Path

from jobs.batches import Batch, Batches, ListBatches, Modality
from jobs.datasets import audio, images, text

READERS: Mapping[Modality, Callable[[Path, Path, int, int], list[Batch]]] = {
    "text": text.read,
    "audio": audio.read,
    "image": images.read,
}
"""How data is read for what a model takes."""


def read_batches(folder: Path, *, modality: Modality, model_dir: Path, samples: int, batch_size: int = 8) -> Batches:
    """Return up to *samples* samples of *folder* as the model of *model_dir* takes them.

    Files are visited in the order of their paths and samples drawn evenly from all of them, so the same folder gives
    the same batches. Within them samples lie in the order of their lengths, which keeps padding small.

    Args:
        folder: holds the files, at any depth; or one file.
        modality: what the model takes.
        model_dir: holds the model's tokenizer, feature extractor or image processor.
        samples: at most this many sequences.
        batch_size: sequences in one batch; the last batch may hold fewer.

    Raises:
        DataNotFoundError: nothing of the modality is there.
        DataUnreadableError: a file is not what its name says, or what the model reads it with is missing.
    """
    read = READERS[modality]
    return ListBatches(read(folder, model_dir, samples, batch_size))

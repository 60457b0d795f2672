"""From a folder to batches: which files, which samples of them, in which order."""

from pathlib import Path

from jobs.batches import Batches, ListBatches, Modality
from jobs.contract.errors import DataUnreadableError
from jobs.datasets import audio, text


def read_batches(folder: Path, *, modality: Modality, model_dir: Path, samples: int, batch_size: int = 8) -> Batches:
    """Return up to *samples* samples of *folder* as the model of *model_dir* takes them.

    Files are visited in the order of their paths and samples drawn evenly from all of them, so the same folder gives
    the same batches. Within them samples lie in the order of their lengths, which keeps padding small.

    Args:
        folder: holds the files, at any depth; or one file.
        modality: what the model takes.
        model_dir: holds the model's tokenizer or feature extractor.
        samples: at most this many sequences.
        batch_size: sequences in one batch; the last batch may hold fewer.

    Raises:
        DataNotFoundError: nothing of the modality is there.
        DataUnreadableError: a file is not what its name says, or the model's tokenizer is missing.
    """
    if modality == "text":
        return ListBatches(text.read(folder, model_dir, samples, batch_size))
    if modality == "audio":
        return ListBatches(audio.read(folder, model_dir, samples, batch_size))
    raise DataUnreadableError(f"Expected a text or an audio model to read data for; got one that takes {modality}s.")

"""Bringing a checkpoint to this machine: from a bucket, an upload, a model hub or a local folder.

What is there is judged by its names and sizes before anything is downloaded. Only safetensors, configuration and
tokenizer files come; pickles, exported graphs, scripts and hidden files stay where they are.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from jobs.adapters.folders import Entry
from jobs.adapters.sources import Sources
from jobs.adapters.transfer import Fetched, fetch_files, is_hidden, listing, shown
from jobs.contract.errors import ModelNotFoundError, UnsafeFormatError
from jobs.contract.uris import Uri

CONFIG = "config.json"
WEIGHTS = ".safetensors"
COMPANIONS = frozenset({".json", ".txt", ".model", ".bpe", ".codes"})
"""Configuration, vocabularies and merges, SentencePiece models."""

PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"})

_CONVERT = "AutoModel.from_pretrained(folder).save_pretrained(folder), where you trust it, writes model.safetensors."


def fetch(uri: Uri, into: Path, *, sources: Sources) -> Fetched:
    """Download the checkpoint that *uri* names to *into* and return what came.

    Raises:
        InvalidUriError: a bucket, hub or local root that this service does not use.
        ModelNotFoundError: nothing there, no ``config.json``, or no weights.
        UnsafeFormatError: the only weights are pickled.
        LimitExceededError: too many files or bytes.
        StorageError: the place failed; worth another try.
    """
    folder = sources.open(uri, "model", ModelNotFoundError)
    entries = listing(folder, sources.limits, ModelNotFoundError)
    _check(folder.name, entries)
    return fetch_files(folder, [entry for entry in entries if _wanted(entry.path)], into, sources.limits)


def _check(name: str, entries: Sequence[Entry]) -> None:
    top = {entry.path for entry in entries if "/" not in entry.path}
    if not any(path.endswith(WEIGHTS) for path in top):
        if pickled := sorted(path for path in top if _suffix(path) in PICKLES):
            raise UnsafeFormatError(
                f"{name} holds its weights only as pickles ({', '.join(pickled)}), which are never opened. {_CONVERT}"
            )
        deeper = any(entry.path.endswith(WEIGHTS) for entry in entries)
        advice = "Name the folder that holds them." if deeper else _CONVERT
        raise ModelNotFoundError(f"{name} holds no safetensors at its top; found {shown(entries)}. {advice}")
    if CONFIG not in top:
        raise ModelNotFoundError(f"{name} holds no {CONFIG} beside its weights; found {shown(entries)}.")


def _wanted(path: str) -> bool:
    return not is_hidden(path) and (_suffix(path) == WEIGHTS or _suffix(path) in COMPANIONS)


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()

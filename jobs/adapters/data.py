"""Bringing data to this machine: a folder of text, audio or image files, or one such file."""

from pathlib import Path, PurePosixPath

from jobs.adapters.sources import Sources
from jobs.adapters.transfer import Fetched, fetch_files, is_hidden, listing, shown
from jobs.contract.errors import DataNotFoundError
from jobs.contract.uris import Uri

READABLE = frozenset({".wav", ".flac", ".txt", ".jsonl", ".csv", ".tsv", ".jpg", ".jpeg", ".png", ".webp"})


def fetch_data(uri: Uri, into: Path, *, sources: Sources) -> Fetched:
    """Download the readable files that *uri* names to *into* and return what came.

    Raises:
        InvalidUriError: a bucket, hub or local root that this service does not use.
        DataNotFoundError: nothing there, or nothing of a kind that can be read.
        LimitExceededError: too many files or bytes.
        StorageError: the place failed; worth another try.
    """
    folder = sources.open(uri, "dataset", DataNotFoundError)
    entries = listing(folder, sources.limits, DataNotFoundError)
    chosen = [entry for entry in entries if _readable(entry.path)]
    if not chosen:
        kinds = ", ".join(sorted(READABLE))
        raise DataNotFoundError(f"{folder.name} holds no file that can be read ({kinds}); found {shown(entries)}.")
    return fetch_files(folder, chosen, into, sources.limits)


def _readable(path: str) -> bool:
    return not is_hidden(path) and PurePosixPath(path).suffix.lower() in READABLE

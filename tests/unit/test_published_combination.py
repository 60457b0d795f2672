"""The published combination as one request: distil to six layers, keep half the heads, narrow the feed-forward pairs.

Source: Lin et al. 2022, arXiv:2211.09949; the counts are of the model with its head of 512 clusters.
"""

import json
from pathlib import Path
from typing import Any

import soundfile
import torch
from tiny import tiny

from jobs.checkpoint.modelpress_melhubert import MelHubertConfig, MelHubertForPreTraining
from jobs.checkpoint.reader import load_model
from jobs.contract.report import Report
from jobs.contract.spec import CompressionSpec
from jobs.pipeline import Folders, run

PROFILE = {"inputs": [{"kind": "audio", "seconds": 0.5}], "repeats": 1}


def _run(tmp_path: Path, steps: list[dict[str, Any]], **request: Any) -> Report:
    document = {"model": {"uri": "local"}, "steps": steps, "profile": PROFILE, **request}
    folders = Folders(tmp_path / "source", tmp_path / "out", tmp_path / "data")
    return run(CompressionSpec.from_json(document), folders, lambda *_: None)


def test_the_combination_at_its_real_size(tmp_path: Path) -> None:
    """One request takes MelHuBERT from 90,231,424 to exactly 21,732,736 parameters, in a folder that opens again."""
    torch.manual_seed(0)
    MelHubertForPreTraining(MelHubertConfig()).save_pretrained(tmp_path / "source")
    steps = [
        {"technique": "distillation", "layers_kept": 6, "steps": 0},
        {"technique": "head_pruning", "heads_kept": 36, "scope": "global", "score": "l1"},
        {"technique": "ffn_pruning", "units_kept": 1024, "score": "l1"},
    ]

    report = _run(tmp_path, steps)

    assert (report.dense.params_total, report.compressed.params_total) == (90_231_424, 21_732_736)
    assert report.compressed.params_encoder == 21_732_736 - (90_231_424 - 85_054_464)
    assert report.steps[1].achieved["heads_kept"] == 36
    assert report.door == "modelpress"
    assert load_model(tmp_path / "out").num_parameters() == 21_732_736


def test_the_combination_learns_from_recordings(tmp_path: Path) -> None:
    """A tiny MelHuBERT goes through the same steps on a folder of audio, learning and refitting on the way."""
    tiny("melhubert", head="ForPreTraining", layers=4, feature_mean=15.0, feature_std=4.0).save_pretrained(
        tmp_path / "source"
    )
    (tmp_path / "data").mkdir()
    generator = torch.Generator().manual_seed(0)
    for index in range(12):
        wave = torch.randn(4000 + 400 * index, generator=generator) / 10
        soundfile.write(tmp_path / "data" / f"{index}.wav", wave.numpy(), 16_000)
    steps = [
        {"technique": "distillation", "layers_kept": 2, "steps": 4},
        {"technique": "head_pruning", "heads_kept": 2, "score": "l1"},
        {"technique": "ffn_pruning", "units_kept": 24, "score": "l1"},
    ]

    report = _run(tmp_path, steps, data={"uri": "local"})

    layer, head, unit = 4 * (32 * 33) + (64 * 33 + 32 * 65) + 4 * 32, 4 * 32 * 8 + 3 * 8, 2 * 32 + 1
    removed = 2 * layer + 2 * 2 * head + 2 * 40 * unit
    summary = json.loads((tmp_path / "out" / "compression.json").read_text())
    assert report.dense.params_total - report.compressed.params_total == removed
    assert (report.fidelity.source, summary["model_type"]) == ("held_out", "melhubert")
    assert report.fidelity.cosine > 0.2

"""The published combination on MelHuBERT at its real size, over the whole stack."""

from pathlib import Path

import pytest
import torch
from fresh_process import differences
from modelpress import ModelPress
from tiny_folders import put_folder

from deploy.embedded.stack import MODELS_BUCKET
from jobs.checkpoint.modelpress_melhubert import MelHubertConfig, MelHubertForPreTraining
from jobs.state.storage import S3Store


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_one_request_gives_the_published_combination(press: ModelPress, models: S3Store, tmp_path: Path) -> None:
    """Six layers, 36 heads and 1024 units leave exactly 21,732,736 parameters, in a folder that a stranger opens."""
    torch.manual_seed(0)
    MelHubertForPreTraining(MelHubertConfig()).save_pretrained(tmp_path / "dense")
    put_folder(models, tmp_path / "dense", "dense/melhubert")

    job = press.compress(
        model=f"s3://{MODELS_BUCKET}/dense/melhubert",
        steps=[
            {"technique": "distillation", "layers_kept": 6, "steps": 0},
            {"technique": "head_pruning", "heads_kept": 36, "scope": "global", "score": "l1"},
            {"technique": "ffn_pruning", "units_kept": 1024, "score": "l1"},
        ],
        profile={"inputs": [{"kind": "audio", "seconds": 1}], "repeats": 1},
    )
    folder = job.wait(timeout=1000).download(tmp_path / "result")

    report = job.report()
    assert (report.dense.params_total, report.compressed.params_total) == (90_231_424, 21_732_736)
    assert report.door == "modelpress"
    assert differences({folder: True}, tmp_path) == {folder: 0.0}

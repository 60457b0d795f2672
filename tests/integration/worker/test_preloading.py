"""What the worker's parent loads before it forks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = """
import json, os, sys
from importlib import import_module
from jobs.settings import compute_single_threaded
compute_single_threaded()
import_module("jobs.preloading").preload()
import torch
print(json.dumps([len(os.listdir("/proc/self/task")), torch.cuda.is_initialized(), sorted(sys.modules)]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_parent_loads_everything_and_starts_nothing() -> None:
    """After preloading, models and techniques are there, no thread was started and the GPU is untouched."""
    environment = {"PATH": "/usr/bin", "PYTHONPATH": str(ROOT)}
    answer = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=True)
    threads, on_gpu, modules = json.loads(answer.stdout)

    assert (threads, on_gpu) == (1, False)
    assert {
        "transformers.models.bert.modeling_bert",
        "transformers.models.hubert.modeling_hubert",
        "jobs.compression.techniques.head_pruning",
        "jobs.tasks",
    } <= set(modules)

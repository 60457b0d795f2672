"""Several processes share a training, as several GPUs would, and end with the weights that one ends with."""

import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from jobs.compression.anatomy import anatomy_of
from jobs.compression.learning.schedule import Schedule
from jobs.compression.recovery import recover
from jobs.compression.surgery import drop_units
from tests.tiny import tiny, tiny_batches


def learn(path: Path) -> None:
    """Recover a tiny model, in as many processes as there are, and write its weights to *path*."""
    teacher = tiny("vit")
    student = deepcopy(teacher)
    for layer in anatomy_of(student).layers(student):
        drop_units(layer.feed_forward, torch.arange(32))
    batches = tiny_batches("vit", 9)
    recover(student, teacher, batches, Schedule(6, 1e-3, batch_size=4), lambda done, total, note="": None)
    save_file({name: value.contiguous() for name, value in student.state_dict().items()}, path)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    """Two processes hold the same weights at the end, which are those of one process but for rounding."""
    learn(tmp_path / "one")

    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    script = "tests.unit.compression.test_learning_processes"
    subprocess.run([*command, "-m", script, str(tmp_path)], check=True, capture_output=True, timeout=280)
    first, second, one = (load_file(tmp_path / name) for name in ("0", "1", "one"))

    assert all(torch.equal(first[name], second[name]) for name in one)
    for name, value in one.items():
        torch.testing.assert_close(first[name], value, rtol=1e-3, atol=1e-4)


if __name__ == "__main__":
    import os

    torch.set_num_threads(1)
    learn(Path(sys.argv[1]) / os.environ["RANK"])

"""Artifacts of every family and every cut, written once a session."""

from pathlib import Path

import pytest
import torch
from artifacts import artifacts
from cuts import CUTS, PACKED
from tiny import tiny, tiny_batch

from jobs.checkpoint.verification import write_verification
from jobs.checkpoint.writer import write_artifact
from jobs.contract.spec import Storage


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one artifact folder for each family, class and cut."""
    torch.set_num_threads(1)  # as in the fresh processes: another number of threads rounds differently
    shelf = tmp_path_factory.mktemp("artifacts")
    cuts = {**CUTS, **PACKED}
    for artifact in artifacts(cuts):
        model = tiny(artifact.family, head=artifact.head)
        model.save_pretrained(shelf / "source")
        cuts[artifact.cut](model)
        storage: Storage = "bitmask" if artifact.cut in PACKED else "dense"
        write_artifact(model, source=shelf / "source", out=shelf / artifact.name, storage=storage)
        write_verification(model, tiny_batch(artifact.family), shelf / artifact.name)
    return shelf

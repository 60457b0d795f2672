"""Artifacts of every family and every cut, written once a session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from cuts import CUTS
from tiny import tiny, tiny_batch

from jobs.checkpoint.verification import write_verification
from jobs.checkpoint.writer import write_artifact

HEADS: Mapping[str, Mapping[str, str]] = {
    "bert": {"Model": "AutoModel", "ForSequenceClassification": "AutoModelForSequenceClassification"},
    "distilbert": {"Model": "AutoModel", "ForSequenceClassification": "AutoModelForSequenceClassification"},
    "hubert": {"Model": "AutoModel", "ForCTC": "AutoModelForCTC"},
    "wav2vec2": {"Model": "AutoModel", "ForCTC": "AutoModelForCTC"},
    "vit": {"Model": "AutoModel", "ForImageClassification": "AutoModelForImageClassification"},
}
"""By family, the classes saved and the Auto class that opens each."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A folder, and how to open it."""

    family: str
    head: str
    cut: str

    @property
    def name(self) -> str:
        """Return the folder's name."""
        return f"{self.family}-{self.head}-{self.cut}"

    @property
    def auto(self) -> str:
        """Return the Auto class that opens it."""
        return HEADS[self.family][self.head]


def artifacts(cuts: Mapping[str, Callable[..., None]]) -> list[Artifact]:
    """Return every family and class with each of *cuts*."""
    return [Artifact(family, head, cut) for family, heads in HEADS.items() for head in heads for cut in cuts]


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one artifact folder for each family, class and cut."""
    torch.set_num_threads(1)  # as in the fresh processes: another number of threads rounds differently
    shelf = tmp_path_factory.mktemp("artifacts")
    for artifact in artifacts(CUTS):
        model = tiny(artifact.family, head=artifact.head)
        model.save_pretrained(shelf / "source")
        CUTS[artifact.cut](model)
        write_artifact(model, source=shelf / "source", out=shelf / artifact.name)
        write_verification(model, tiny_batch(artifact.family), shelf / artifact.name)
    return shelf

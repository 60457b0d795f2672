"""Which artifacts the doors are tried on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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

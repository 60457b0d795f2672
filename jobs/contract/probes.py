"""What a caller asks to have a model judged by: one dataclass a probe, told apart by its name.

A probe reads labelled data, takes the model's hidden states as they are, and finds out what a small map, fitted on a
part of the samples, makes of the rest. The model itself learns nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

ProbeLayer = Literal["last", "weighted"]
SymbolUnit = Literal["symbols", "characters"]

DEFAULT_LABELLED_SAMPLES = 2000
"""Labelled samples that a probe uses unless said."""

DEFAULT_SEEDS = (0, 1, 2)
"""Each decides a split into samples to fit on and samples to judge by."""

MOST_SEEDS = 16

SCORE_COLUMN, TEXT_COLUMNS, PHONES_COLUMN = "score", ("sentence1", "sentence2"), "phones"
"""Columns that are read unless others are named."""


@dataclass(frozen=True, slots=True)
class LabelledRef:
    """Data with a table of labels."""

    uri: str
    samples: int = DEFAULT_LABELLED_SAMPLES


@dataclass(frozen=True, slots=True)
class FidelityProbe:
    """Closeness to the dense model, which is measured whether it is asked for or not."""


@dataclass(frozen=True, slots=True)
class ClassificationProbe:
    """A class for each sample, by a linear map of the mean of its hidden states.

    Attributes:
        data: the samples.
        label: the column of their classes.
        seeds: of the splits.
        layer: the base model's output, or a learnt weighted sum of all layers.
    """

    data: LabelledRef
    label: str
    seeds: tuple[int, ...] = DEFAULT_SEEDS
    layer: ProbeLayer = "last"


@dataclass(frozen=True, slots=True)
class RegressionProbe:
    """A number for each sample, by a linear map of the mean of its hidden states.

    Attributes:
        data: the samples.
        label: the column of their numbers.
        seeds: of the splits.
    """

    data: LabelledRef
    label: str
    seeds: tuple[int, ...] = DEFAULT_SEEDS


@dataclass(frozen=True, slots=True)
class SimilarityProbe:
    """Whether pairs of texts are as close to each other as people say; nothing is fitted.

    Attributes:
        data: the pairs.
        label: the column of how close they are.
        first: the column of the first text.
        second: the column of the second text.
    """

    data: LabelledRef
    label: str = SCORE_COLUMN
    first: str = TEXT_COLUMNS[0]
    second: str = TEXT_COLUMNS[1]


@dataclass(frozen=True, slots=True)
class PhonesProbe:
    """A sequence of symbols for each recording, by a linear map of its hidden states.

    Attributes:
        data: the recordings.
        label: the column of what is said in them.
        unit: what stands in that column: symbols with spaces between them, or text of which each character counts.
        seeds: of the splits.
    """

    data: LabelledRef
    label: str = PHONES_COLUMN
    unit: SymbolUnit = "symbols"
    seeds: tuple[int, ...] = DEFAULT_SEEDS


LabelledProbe: TypeAlias = ClassificationProbe | RegressionProbe | SimilarityProbe | PhonesProbe
ProbeSpec: TypeAlias = FidelityProbe | LabelledProbe

PROBES: Mapping[str, type[ProbeSpec]] = {
    "fidelity": FidelityProbe,
    "classification": ClassificationProbe,
    "regression": RegressionProbe,
    "similarity": SimilarityProbe,
    "phones": PhonesProbe,
}
"""The word that names each probe in a request."""


def labelled(asked: Iterable[ProbeSpec]) -> list[LabelledProbe]:
    """Return the probes that read labels, of those *asked* for."""
    return [each for each in asked if not isinstance(each, FidelityProbe)]


def probe_from_json(document: Mapping[str, Any]) -> ProbeSpec:
    """Return the probe that the validated *document* describes."""
    given = {name: value for name, value in document.items() if name != "probe"}
    if "data" in given:
        given["data"] = LabelledRef(**given["data"])
    if "seeds" in given:
        seeds = given["seeds"]
        given["seeds"] = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    return PROBES[document["probe"]](**given)

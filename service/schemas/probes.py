"""What a caller asks to have a model judged by: one branch a probe."""

from typing import Any, get_args

from marshmallow import fields, validate

from jobs.contract.probes import (
    DEFAULT_LABELLED_SAMPLES,
    DEFAULT_SEEDS,
    MOST_SEEDS,
    PHONES_COLUMN,
    SCORE_COLUMN,
    TEXT_COLUMNS,
    ProbeLayer,
    SymbolUnit,
)
from service.schemas.base import RequestSchema
from service.schemas.fields import (
    AnyOf,
    NamedEnum,
    OneOf,
    StrictInteger,
    StrictList,
    StrictString,
    Tag,
    UriField,
    Within,
)

MOST_PROBES = 8
LONGEST_COLUMN = 128
MOST_LABELLED_SAMPLES = 100_000
LARGEST_SEED = 2**32 - 1


def column(about: str, **options: Any) -> StrictString:
    """Return a field that names a column of a table; ``default`` is published, not filled in."""
    metadata = {"description": about} | ({"default": options.pop("default")} if "default" in options else {})
    return StrictString(validate=validate.Length(min=1, max=LONGEST_COLUMN), metadata=metadata, **options)


def seeds() -> AnyOf:
    """Return the field of the seeds of splits: how many, or which."""
    which = StrictList(
        StrictInteger(validate=Within(min=0, max=LARGEST_SEED)),
        unique=True,
        validate=validate.Length(min=1, max=MOST_SEEDS),
    )
    return AnyOf(
        [StrictInteger(validate=Within(min=1, max=MOST_SEEDS)), which],
        metadata={
            "description": "Splits into samples to fit on and samples to judge by: how many, or the seed of each",
            "default": list(DEFAULT_SEEDS),
        },
    )


class LabelledRef(RequestSchema):
    """Data with labels: recordings or images beside a metadata.csv or metadata.jsonl, or a table of texts."""

    uri = UriField(required=True, metadata={"description": "s3://bucket/prefix or upload://id"})
    samples = StrictInteger(
        validate=Within(min=2, max=MOST_LABELLED_SAMPLES),
        metadata={"description": "How many of them to use, at most", "default": DEFAULT_LABELLED_SAMPLES},
    )


class FidelityProbe(RequestSchema):
    """Closeness to the dense model, layer by layer, which is measured whether it is asked for or not."""

    probe = Tag("fidelity")


class ClassificationProbe(RequestSchema):
    """How well a linear map of the frozen hidden states, averaged over time, tells classes apart: accuracy."""

    probe = Tag("classification")
    data = fields.Nested(LabelledRef, required=True)
    label = column("The column of the classes", required=True)
    seeds = seeds()
    layer = NamedEnum(
        "ProbeLayer",
        get_args(ProbeLayer),
        metadata={
            "description": "The model's output, or a weighted sum of all layers, whose weights are learnt with the map",
            "default": "last",
        },
    )


class RegressionProbe(RequestSchema):
    """How well a linear map of the frozen hidden states, averaged over time, foretells a number: R²."""

    probe = Tag("regression")
    data = fields.Nested(LabelledRef, required=True)
    label = column("The column of the numbers", required=True)
    seeds = seeds()


class SimilarityProbe(RequestSchema):
    """How well the cosine of embeddings, averaged over time, ranks pairs of texts as people do: Spearman."""

    probe = Tag("similarity")
    data = fields.Nested(LabelledRef, required=True)
    label = column("The column of how close two texts are", default=SCORE_COLUMN)
    first = column("The column of the first text", default=TEXT_COLUMNS[0])
    second = column("The column of the second text", default=TEXT_COLUMNS[1])


class PhonesProbe(RequestSchema):
    """How well a linear map of the frozen hidden states, trained by CTC, spells what is said: error rate."""

    probe = Tag("phones")
    data = fields.Nested(LabelledRef, required=True)
    label = column("The column of what is said", default=PHONES_COLUMN)
    unit = NamedEnum(
        "SymbolUnit",
        get_args(SymbolUnit),
        metadata={
            "description": "What that column holds: symbols between spaces, or text of which each character counts",
            "default": "symbols",
        },
    )
    seeds = seeds()


def probes() -> StrictList:
    """Return the field of the probes of a request."""
    branches = {
        "fidelity": FidelityProbe,
        "classification": ClassificationProbe,
        "regression": RegressionProbe,
        "similarity": SimilarityProbe,
        "phones": PhonesProbe,
    }
    return StrictList(
        OneOf("probe", branches),
        unique=True,
        validate=validate.Length(max=MOST_PROBES),
        metadata={
            "description": "What to judge the model by, before and after, beside its closeness to the dense one",
            "default": [],
            "examples": [[{"probe": "classification", "data": {"uri": "s3://data/speakers/"}, "label": "speaker"}]],
        },
    )

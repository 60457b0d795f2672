"""What a landscape answers: one model compressed in many ways, compared and charted as one job."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from jobs.contract.spec import Json

Control = Literal["first_layers", "same_steps"]
"""What points are held against, beside the dense model; each is a series."""
LANDSCAPE_SCHEMA: Literal["modelpress/landscape/v1"] = "modelpress/landscape/v1"


@dataclass(frozen=True, slots=True)
class Measure:
    """One of the figures that the points of a landscape are compared by.

    Attributes:
        name: its key in a point's values.
        title: what an axis is called.
        unit: of its values; empty for a pure number.
        role: ``cost`` or ``quality``.
        better: ``lower`` or ``higher``.
        protocol: how it was measured, in a sentence.
    """

    name: str
    title: str
    unit: str
    role: Literal["cost", "quality"]
    better: Literal["lower", "higher"]
    protocol: str


@dataclass(frozen=True, slots=True)
class LandscapePoint:
    """One model of a landscape: the dense one, a control, or what a compression made of it.

    Attributes:
        name: says which; no other point has it.
        series: what it is drawn with: a technique, a target, a control or a word of the caller's.
        job: the compression that made it; None for the dense model.
        state: of that job; that of the dense model is ``succeeded`` once it was measured.
        reused: whether an earlier landscape had asked for the same.
        values: figures by measure; those that were not measured are left out.
        intervals: lower and upper end of the 95 % interval, by measure, where there is one.
        warnings: what the figures do not say.
        error: code and message where the point failed.
    """

    name: str
    series: str
    job: str | None
    state: str
    reused: bool
    values: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Front:
    """The points that no other beats in both of two measures, from the cheapest on.

    Attributes:
        cost: a measure.
        quality: another.
        points: their names, by rising cost.
        knee: the name of the one after which more cost buys least; None where the front has no bend.
    """

    cost: str
    quality: str
    points: tuple[str, ...]
    knee: str | None


@dataclass(frozen=True, slots=True)
class LandscapeReport:
    """What compressing a model in many ways comes to.

    Attributes:
        model: uri, revision, sha256, architecture, model_type of the source.
        complete: whether every point has ended.
        measures: what the points are compared by.
        points: in the order in which they were asked for, the dense model first.
        fronts: one for each pair of a cost and a quality.
        answers: which technique wins at which budget, and where smaller is not faster, in sentences.
        warnings: what the figures do not say.
        environments: versions and machine of the workers that measured, each once.
        schema: what this document is.
    """

    model: Mapping[str, Any]
    complete: bool
    measures: tuple[Measure, ...]
    points: tuple[LandscapePoint, ...]
    fronts: tuple[Front, ...]
    answers: tuple[str, ...]
    warnings: tuple[str, ...]
    environments: tuple[Mapping[str, Any], ...]
    schema: Literal["modelpress/landscape/v1"] = LANDSCAPE_SCHEMA

    def to_json(self) -> Json:
        """Return the report as plain JSON values."""
        return asdict(self)

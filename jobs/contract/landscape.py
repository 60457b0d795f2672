"""A landscape: one model compressed in many ways, asked for and charted as one job."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from jobs.contract.spec import Json, ModelRef, Step, Target, TargetMetric

LANDSCAPE_SCHEMA: Literal["modelpress/landscape/v1"] = "modelpress/landscape/v1"
Control = Literal["first_layers", "same_steps"]


@dataclass(frozen=True, slots=True)
class PointSpec:
    """One compression of a landscape: exactly one of *steps* and *target* is given.

    Attributes:
        series: what it is drawn with; that of its techniques if left out.
        name: what it is called; by what it asks for if left out.
    """

    steps: tuple[Step, ...] = ()
    target: Target | None = None
    series: str | None = None
    name: str | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the point that the validated *document* describes."""
        return cls(
            steps=tuple(Step.from_json(step) for step in document.get("steps", ())),
            target=Target(**document["target"]) if "target" in document else None,
            series=document.get("series"),
            name=document.get("name"),
        )


@dataclass(frozen=True, slots=True)
class GridSpec:
    """Every technique and target at every amount.

    Attributes:
        removed: shares of what each removes: heads, units, layers, weights, the parameters of factorised matrices.
        techniques: their names.
        targets: metrics of the encoder to bring down by these shares.
    """

    removed: tuple[float, ...]
    techniques: tuple[str, ...] = ()
    targets: tuple[TargetMetric, ...] = ()


@dataclass(frozen=True, slots=True)
class LandscapeSpec:
    """A landscape: one model and data, many compressions. What they share is as in a compression.

    Attributes:
        points: compressions, one by one.
        grid: more of them, by technique and amount.
        controls: what the points are held against, beside the dense model, which always is.
        reuse: whether results of earlier landscapes that asked for the same may stand in.
    """

    model: ModelRef
    points: tuple[PointSpec, ...] = ()
    grid: GridSpec | None = None
    controls: tuple[Control, ...] = ()
    reuse: bool = True


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

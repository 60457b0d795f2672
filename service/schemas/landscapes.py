"""What callers send for a landscape: many compressions of one model, named one by one or spanned by a grid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from marshmallow import ValidationError, fields, validate

from jobs.contract.catalogue import CatalogueEntry
from jobs.contract.spec import TargetMetric
from jobs.landscape.outcome import DENSE, SAME_STEPS
from jobs.landscape.points import AMOUNTS
from service.schemas.base import AtLeastOne, ExactlyOne, Json, RequestSchema
from service.schemas.fields import (
    Labels,
    NamedEnum,
    OneOf,
    Patterned,
    StrictBoolean,
    StrictList,
    StrictNumber,
    Within,
)
from service.schemas.needs import DataWhenPointsNeed, Need
from service.schemas.probes import probes
from service.schemas.requests import (
    MOST_STEPS,
    DataRef,
    Limits,
    ModelRef,
    ProfileOptions,
    Recovery,
    Target,
)
from service.schemas.webhooks import webhook_id

MOST_POINTS = 100
MOST_AMOUNTS = 20
LONGEST_NAME = 80
RESERVED = (DENSE, SAME_STEPS)
NAME = rf"(?!({'|'.join(RESERVED)})$)[^\x00-\x1f\x7f-\x9f]+"
"""What the landscape itself adds to the points has names of its own."""


def shares(about: str, **options: Any) -> StrictList:
    """Return a list of different shares of what there is, none of them nothing or all."""
    return StrictList(
        StrictNumber(validate=Within(min=0.01, max=0.99)),
        unique=True,
        validate=validate.Length(min=1, max=MOST_AMOUNTS),
        metadata={"description": about},
        **options,
    )


def named(about: str) -> Patterned:
    """Return a short text of one line."""
    said = f"1 to {LONGEST_NAME} characters without line breaks, and not {' or '.join(RESERVED)}"
    return Patterned(NAME, said, longest=LONGEST_NAME, metadata={"description": about})


class Grid(RequestSchema):
    """Every technique and target at every amount."""

    rules = (AtLeastOne(("techniques", "targets")),)
    removed = shares(
        "Shares of what each removes: heads, units, layers, weights, or the parameters of factorised matrices",
        required=True,
    )
    techniques = StrictList(
        NamedEnum("GridTechnique", AMOUNTS),
        unique=True,
        validate=validate.Length(min=1),
        metadata={
            "description": "Techniques, each as it does best with the request's data or without; for other parameters "
            "name points"
        },
    )
    targets = StrictList(
        NamedEnum("TargetMetric", get_args(TargetMetric)),
        unique=True,
        validate=validate.Length(min=1),
        metadata={"description": "Figures of the encoder that are to come down by these shares, however that is met"},
    )


class Controls(RequestSchema):
    """What the points are held against, beside the dense model, which always is."""

    first_layers = shares("Also cut the model to its first layers, without training: these shares of them go")
    same_steps = StrictBoolean(
        metadata={
            "description": "Also put the dense model through the steps of the recovery, which must be asked for",
            "default": False,
        }
    )


@dataclass(frozen=True, slots=True)
class SameStepsOfRecovery:
    """The control that takes the steps of the recovery has one."""

    def json_schema(self) -> Json:
        """Return a condition over ``controls``."""
        asked = {"required": ["same_steps"], "properties": {"same_steps": {"const": True}}}
        controls = {"required": ["controls"], "properties": {"controls": asked}}
        return {"if": controls, "then": {"required": ["recovery"]}}

    def check(self, document: Mapping[str, Any]) -> None:
        """Refuse the control where there are no steps."""
        controls = document.get("controls")
        asked = isinstance(controls, Mapping) and controls.get("same_steps") is True
        if asked and "recovery" not in document:
            text = "controls.same_steps takes the steps of a recovery; add recovery: {steps: …}, or leave it out."
            raise ValidationError({"recovery": [text]})


def landscape_request(
    entries: Mapping[str, CatalogueEntry], branches: Mapping[str, type[RequestSchema]]
) -> type[RequestSchema]:
    """Return the schema of a landscape's request whose steps are the *branches* of the techniques in *entries*."""
    needs = [need for entry in entries.values() if (need := Need.of(entry))]

    class PointRequest(RequestSchema):
        """One compression: exactly one of ``steps`` and ``target``."""

        rules = (ExactlyOne(("steps", "target")),)
        steps = StrictList(
            OneOf("technique", branches),
            validate=validate.Length(min=1, max=MOST_STEPS),
            metadata={"description": "What to do, in this order"},
        )
        target = fields.Nested(Target)
        series = named("What it is drawn with; its techniques if left out")
        name = named("What it is called; what it asks for if left out")

    class LandscapeRequest(RequestSchema):
        """One model compressed in many ways: ``points``, a ``grid``, or both; the rest holds for every point."""

        rules = (AtLeastOne(("points", "grid")), DataWhenPointsNeed(needs), SameStepsOfRecovery())
        model = fields.Nested(ModelRef, required=True)
        points = StrictList(
            fields.Nested(PointRequest),
            validate=validate.Length(min=1, max=MOST_POINTS),
            metadata={"description": "Compressions, one by one"},
        )
        grid = fields.Nested(Grid)
        controls = fields.Nested(Controls)
        data = fields.Nested(DataRef)
        recovery = fields.Nested(Recovery)
        profile = fields.Nested(ProfileOptions)
        evaluate = probes()
        reuse = StrictBoolean(
            metadata={
                "description": "Whether results of your earlier landscapes that asked for the very same may stand in",
                "default": True,
            }
        )
        limits = fields.Nested(Limits)
        labels = Labels(metadata={"description": "Your own words, to find the landscape and its points again"})
        webhook = webhook_id()

    return LandscapeRequest

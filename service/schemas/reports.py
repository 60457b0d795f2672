"""The report as it is published: read off the dataclasses that the worker fills."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, is_dataclass
from dataclasses import fields as members
from functools import cache
from types import UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from marshmallow import fields

from jobs.contract import landscape, report
from service.schemas.base import AnswerSchema, AnswerUnion
from service.schemas.fields import Tag

_SCALARS: Mapping[Any, type[fields.Field[Any]]] = {
    int: fields.Integer,
    float: fields.Float,
    bool: fields.Boolean,
    str: fields.String,
    Any: fields.Raw,
}
_ATTRIBUTE = re.compile(r"^ {8}(\w+): (.+)$", re.MULTILINE)


@cache
def answer_schema(kind: type) -> type[AnswerSchema]:
    """Return the schema of the dataclass *kind*; what its docstring says of an attribute is the field's description."""
    hints, about = get_type_hints(kind), dict(_ATTRIBUTE.findall(kind.__doc__ or ""))
    built: dict[str, Any] = {"__doc__": (kind.__doc__ or "").partition("\n")[0]}
    for each in members(kind):
        always = each.default is MISSING and each.default_factory is MISSING
        said = {"metadata": {"description": about[each.name]}} if each.name in about else {}
        built[each.name] = _field(hints[each.name], required=always, **said)
    return type(kind.__name__, (AnswerSchema,), built)


def _field(hint: Any, **options: Any) -> fields.Field[Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        inner = next(each for each in arguments if each is not type(None))
        return _field(inner, allow_none=True, **options)
    if origin is tuple:
        return fields.List(_field(arguments[0]), **options)
    if origin is Literal:
        is_tag = len(arguments) == 1 and not options.get("allow_none")
        return Tag(*arguments, metadata=options.get("metadata")) if is_tag else fields.String(**options)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return fields.Dict(keys=fields.String(), values=_field(arguments[1]), **options)
    if is_dataclass(hint) and isinstance(hint, type):
        return fields.Nested(answer_schema(hint), **options)
    return _SCALARS[hint](**options)


Report = answer_schema(report.Report)
"""The whole answer to a compression."""

PlanReport = answer_schema(report.PlanReport)
"""The whole answer to a plan."""

ProfileReport = answer_schema(report.ProfileReport)
"""The whole answer to a profile."""


LandscapeReport = answer_schema(landscape.LandscapeReport)
"""The whole answer to a landscape."""


class AnyReport(AnswerUnion):
    """What a job has found out: a compression's report, a plan's, a profile's or a landscape's, as ``schema`` says."""

    tag = "schema"
    branches: ClassVar = {
        report.REPORT_SCHEMA: Report,
        report.PLAN_SCHEMA: PlanReport,
        report.PROFILE_SCHEMA: ProfileReport,
        landscape.LANDSCAPE_SCHEMA: LandscapeReport,
    }

"""The note that a parameter carries, and what follows from it: its JSON Schema and its checks.

A technique's parameters are a frozen dataclass. Each field is annotated with a :class:`Schema`; ``json_schema`` turns
the class into the document that callers see, and ``problems`` holds a caller's values against that very document, so
that what is published and what is refused cannot differ.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from jobs.contract.rules import breaches, side

Json = dict[str, Any]

_TYPES: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


@dataclass(frozen=True, slots=True)
class Schema:
    """What a parameter means and which values it takes; for a list, the bounds are those of its items."""

    description: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None

    def bounds(self) -> Json:
        """Return the bounds in the words of JSON Schema."""
        values = (self.minimum, self.maximum, self.above, self.below)
        return {word: value for word, value in zip(_BOUNDS, values, strict=True) if value is not None}


@dataclass(frozen=True, slots=True)
class Rule:
    """Where every parameter in *when* has one of its values, every one in *then* must have one of its own.

    An empty tuple stands for any value that is given.
    """

    when: Mapping[str, tuple[Any, ...]]
    then: Mapping[str, tuple[Any, ...]]


def json_schema(params: type[Any]) -> Json:
    """Return the JSON Schema (2020-12) of the dataclass *params*.

    Fields named in ``params.alternatives`` are amounts of which exactly one is given: ``oneOf`` over ``required``.
    What ``params.rules`` say of fields that do not go together is ``allOf`` over ``if`` and ``then``.
    """
    hints = get_type_hints(params, include_extras=True)
    described = {each.name: _property(hints[each.name], each.default) for each in fields(params)}
    required = [each.name for each in fields(params) if each.default is MISSING]
    document: Json = {"type": "object", "properties": described, "additionalProperties": False}
    if required:
        document["required"] = required
    if params.alternatives:
        document["oneOf"] = [{"required": [name]} for name in params.alternatives]
    defaults = {each.name: each.default for each in fields(params)}
    if params.rules:
        document["allOf"] = [
            {"if": side(rule.when, defaults), "then": side(rule.then, defaults)} for rule in params.rules
        ]
    return document


def problems(schema: Json, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with *document*, one sentence each; nothing when it fits *schema*."""
    known = schema["properties"]
    for name in document.keys() - known.keys():
        yield f"{name}: not a parameter; expected one of {', '.join(known)}."
    for name in schema.get("required", ()):
        if name not in document:
            yield f"{name}: missing."
    names = [each["required"][0] for each in schema.get("oneOf", ())]
    given = [name for name in names if name in document]
    if names and len(given) != 1:
        yield f"Expected exactly one of {', '.join(names)}; got {', '.join(given) or 'none'}."
    for name in known.keys() & document.keys():
        if not _fits(known[name], document[name]):
            yield f"{name}: expected {_expected(known[name])}; got {document[name]!r}."
    for rule in schema.get("allOf", ()):
        yield from (f"{name}: {said}" for name, said in breaches(rule, document))


def _property(hint: Any, default: Any) -> Json:
    kind, note = get_args(hint)
    described = {**_type(kind, note), "description": note.description}
    if default is not MISSING and default is not None:
        described["default"] = default
    return described


def _type(kind: Any, note: Schema) -> Json:
    origin, arguments = get_origin(kind), [each for each in get_args(kind) if each is not NoneType]
    if origin is Annotated:
        inner, own = arguments
        return {**_type(inner, own), "description": own.description}
    if origin is Literal:
        return {"type": "string", "enum": arguments}
    if origin is tuple:
        return {"type": "array", "items": _type(arguments[0], note), "minItems": 1, "uniqueItems": True}
    if origin in (Union, UnionType):
        forms = [_type(each, note) for each in arguments]
        return forms[0] if len(forms) == 1 else {"oneOf": forms}
    return {"type": _TYPES[kind], **note.bounds()}


def _fits(schema: Json, value: Any) -> bool:
    if "oneOf" in schema:
        return sum(_fits(form, value) for form in schema["oneOf"]) == 1
    if schema["type"] == "array":
        return (
            isinstance(value, list | tuple)
            and len(value) >= schema["minItems"]
            and all(_fits(schema["items"], item) for item in value)
            and len(set(value)) == len(value)
        )
    return _has_type(schema["type"], value) and _is_within(schema, value)


def _has_type(name: str, value: Any) -> bool:
    if name in ("boolean", "string"):
        return isinstance(value, bool if name == "boolean" else str)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return name == "number" or isinstance(value, int)


def _is_within(schema: Json, value: Any) -> bool:
    return (
        ("enum" not in schema or value in schema["enum"])
        and ("minimum" not in schema or value >= schema["minimum"])
        and ("maximum" not in schema or value <= schema["maximum"])
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
    )


_WORDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
}


def _expected(schema: Json) -> str:
    if "oneOf" in schema:
        return " or ".join(_expected(form) for form in schema["oneOf"])
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if schema["type"] == "array":
        return f"a list of distinct values, each {_expected(schema['items'])}"
    bounds = [_WORDS[word].format(schema[word]) for word in _BOUNDS if word in schema]
    return " ".join([schema["type"], *bounds])

"""The steps of a request: one branch a technique, built from the catalogue's JSON Schemas."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from jobs.contract.catalogue import CatalogueEntry
from service.schemas.base import ExactlyOne, RequestSchema, Rule, Together
from service.schemas.fields import (
    AnyOf,
    NamedEnum,
    StrictBoolean,
    StrictInteger,
    StrictList,
    StrictNumber,
    StrictString,
    Tag,
    Within,
)

JsonSchema = Mapping[str, Any]
_KEPT = ("description", "default", "examples")
_SCALARS: Mapping[str, type[fields.Field[Any]]] = {
    "integer": StrictInteger,
    "number": StrictNumber,
    "boolean": StrictBoolean,
    "string": StrictString,
}


def step_schemas(entries: Mapping[str, CatalogueEntry]) -> dict[str, type[RequestSchema]]:
    """Return the branch of each technique in *entries*, by its name."""
    return {name: _step_schema(entry) for name, entry in entries.items()}


def _step_schema(entry: CatalogueEntry) -> type[RequestSchema]:
    parameters = entry["parameters"]
    title = _camel(entry["name"])
    members: dict[str, Any] = {
        name: field_of(schema, title + _camel(name), required=name in parameters.get("required", ()))
        for name, schema in parameters["properties"].items()
    }
    rules: list[Rule] = (
        [ExactlyOne([name for each in parameters["oneOf"] for name in each["required"]])]
        if "oneOf" in parameters
        else []
    )
    rules = [*rules, *(Together(rule) for rule in parameters.get("allOf", ()))]
    members |= {"technique": Tag(entry["name"]), "rules": rules, "__doc__": entry["summary"]}
    return type(f"{title}Step", (RequestSchema,), members)


def field_of(schema: JsonSchema, name: str, *, required: bool = False) -> fields.Field[Any]:
    """Return the field that accepts what *schema* accepts; an enumeration is published as *name*.

    Raises:
        ValueError: the catalogue uses a type that no field is known for.
    """
    options: dict[str, Any] = {
        "required": required,
        "metadata": {word: schema[word] for word in _KEPT if word in schema},
    }
    branches = _branches(schema)
    if {"type": "null"} in branches:
        branches.remove({"type": "null"})
        options["allow_none"] = True
    if len(branches) > 1:
        return AnyOf([field_of(branch, name) for branch in branches], **options)
    return _single(branches[0], name, options)


def _branches(schema: JsonSchema) -> list[JsonSchema]:
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return list(schema[word])
    if isinstance(schema.get("type"), list):
        return [{"type": "null"} if kind == "null" else {**schema, "type": kind} for kind in schema["type"]]
    return [schema]


def _single(schema: JsonSchema, name: str, options: dict[str, Any]) -> fields.Field[Any]:
    kind = str(schema.get("type"))
    if "enum" in schema:
        return NamedEnum(name, [word for word in schema["enum"] if word is not None], **options)
    if kind == "array":
        length = validate.Length(min=schema.get("minItems"), max=schema.get("maxItems"))
        unique = schema.get("uniqueItems", False)
        return StrictList(field_of(schema["items"], f"{name}Item"), validate=length, unique=unique, **options)
    if kind in _SCALARS:
        return _SCALARS[kind](validate=_bounds(schema), **options)
    raise ValueError(f"Expected a JSON Schema with a type of {', '.join(_SCALARS)} or array for {name}; got {schema}.")


def _bounds(schema: JsonSchema) -> list[validate.Validator]:
    inclusive = Within(min=schema.get("minimum"), max=schema.get("maximum"))
    exclusive = Within(
        min=schema.get("exclusiveMinimum"), max=schema.get("exclusiveMaximum"), min_inclusive=False, max_inclusive=False
    )
    return [each for each in (inclusive, exclusive) if (each.min, each.max) != (None, None)]


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))

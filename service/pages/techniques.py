"""What is shown of the catalogue: each technique with its parameters in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.contract.catalogue import CatalogueEntry, any_of
from service.pages import words
from service.pages.tables import Table

JsonSchema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TechniquePage:
    """A technique as a page shows it.

    Attributes:
        title: its name in words.
        data: when it learns from data.
    """

    name: str
    title: str
    summary: str
    description: Sequence[str]
    sources: Sequence[str]
    data: str
    parameters: Table


def page_of(entry: CatalogueEntry) -> TechniquePage:
    """Return what a page shows of *entry*."""
    return TechniquePage(
        name=entry["name"],
        title=words.plain(entry["name"]).capitalize(),
        summary=entry["summary"],
        description=[each for each in entry["description"].split("\n\n") if each != entry["summary"]],
        sources=entry["sources"],
        data=needs(entry),
        parameters=_parameters(entry),
    )


def needs(entry: CatalogueEntry) -> str:
    """Return when a technique cannot do without data."""
    word, said = next(iter(entry["needs_data"].items()))
    if isinstance(said, bool):
        return "Learns from data: always." if said else "Needs no data."
    named = " and ".join(f"{words.plain(name)} is {_choice(values)}" for name, values in dict(said).items())  # type: ignore[call-overload]
    return f"Learns from data {word} {named}."


def _choice(values: Any) -> str:
    return " or ".join("not given" if each is None else words.value(each) for each in any_of(values))


def _parameters(entry: CatalogueEntry) -> Table:
    parameters = entry["parameters"]
    rows = [
        [words.plain(name), values_of(schema), _default(schema), schema.get("description", "")]
        for name, schema in parameters["properties"].items()
    ]
    return Table(
        "Parameters",
        ("Parameter", "Values", "Default", "What it decides"),
        rows,
        list(rules_of(parameters)),
        numeric=False,
    )


def rules_of(parameters: JsonSchema) -> Iterator[str]:
    """Yield which parameters must be given."""
    if required := parameters.get("required"):
        yield f"Needed: {', '.join(map(words.plain, required))}."
    if amounts := [words.plain(name) for each in parameters.get("oneOf", ()) for name in each["required"]]:
        yield f"Exactly one of: {', '.join(amounts)}."


def values_of(schema: JsonSchema) -> str:
    """Return what a parameter may be."""
    if "oneOf" in schema:
        return ", or ".join(map(values_of, schema["oneOf"]))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema["type"] == "array":
        return f"several: {values_of(schema['items'])}"
    kinds = {"integer": "whole number", "number": "number", "boolean": "yes or no", "string": "text"}
    return " ".join([kinds[schema["type"]], *_bounds(schema)])


def _bounds(schema: JsonSchema) -> Iterator[str]:
    said = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    for word, text in said.items():
        if word in schema:
            yield f"{text} {words.number(schema[word])}"


def _default(schema: JsonSchema) -> str:
    return words.value(schema["default"]) if "default" in schema else words.NONE

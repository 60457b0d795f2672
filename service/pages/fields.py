"""One field of a form, read off the JSON Schema of the value that it asks for."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.pages import words
from service.pages.drafts import Draft, JsonSchema, kinds_of
from service.pages.techniques import values_of

Errors = Mapping[str, Sequence[str]]
"""What is wrong at each pointer."""
NUMBERS = {"integer", "number"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field as it is shown.

    Attributes:
        pointer: where its value lies in the request: the field's name, and what errors point at.
        kind: ``text``, ``number``, ``lines``, ``choice`` (one of the options) or ``checks`` (several).
        options: values and their words.
        default: what holds if nothing is given, in words.
        texts: what was typed.
        attributes: of the HTML element.
        needed: whether no request does without it.
    """

    pointer: str
    label: str
    kind: str
    about: str
    options: Sequence[tuple[str, str]]
    default: str
    texts: Sequence[str]
    attributes: Mapping[str, str]
    needed: bool
    errors: Sequence[str]

    @property
    def id(self) -> str:
        """Return what names the element."""
        return "at" + self.pointer.replace("/", "-")

    @property
    def text(self) -> str:
        """Return what was typed, or the first of it."""
        return next(iter(self.texts), "")

    @property
    def touched(self) -> bool:
        """Return whether somebody should see it."""
        return bool(self.errors or self.text)


def field_of(pointer: str, schema: JsonSchema, draft: Draft, errors: Errors, *, needed: bool = False) -> Field:
    """Return the field that asks for the value at *pointer*."""
    kind = _kind(schema)
    return Field(
        pointer=pointer,
        label=words.plain(pointer.rpartition("/")[2]),
        kind=kind,
        about=_about(schema, kind),
        options=_options(schema, kind),
        default=words.value(schema["default"]) if schema.get("default") not in (None, []) else "",
        texts=[each for each in draft.get(pointer, ()) if each.strip()],
        attributes=dict(_attributes(schema, kind)),
        needed=needed,
        errors=errors.get(pointer, ()),
    )


def _about(schema: JsonSchema, kind: str) -> str:
    """Return what the value decides, and what it may be unless the field shows that."""
    told = schema.get("description", "").rstrip(".")
    typed = kind == "number" or (kind == "text" and "array" in kinds_of(schema))
    values = (
        ["As JSON"] if kind == "lines" and "items" in schema else [words.capital(values_of(schema))] if typed else []
    )
    return ". ".join([told, *values]) + "." if told else ""


def _kind(schema: JsonSchema) -> str:
    kinds, items = kinds_of(schema), schema.get("items", {})
    if "enum" in schema or "boolean" in kinds:
        return "choice"
    if "enum" in items:
        return "checks"
    if "pairs" in kinds or (items and items.get("type") not in NUMBERS):
        return "lines"
    return "number" if kinds <= NUMBERS else "text"


def _options(schema: JsonSchema, kind: str) -> list[tuple[str, str]]:
    if kind not in ("choice", "checks"):
        return []
    listed = schema.get("items", schema).get("enum")
    return [(each, each) for each in listed] if listed else [("true", "yes"), ("false", "no")]


def _attributes(schema: JsonSchema, kind: str) -> Iterator[tuple[str, str]]:
    if kind == "number":
        yield "inputmode", "numeric" if kinds_of(schema) == {"integer"} else "decimal"
    if kind == "lines" and "examples" in schema:
        yield "placeholder", json.dumps(schema["examples"][0])
    if "maxLength" in schema:
        yield "maxlength", str(schema["maxLength"])

"""A request while it is being written: texts by JSON pointer, as a form sends them, and the document they stand for."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]
JsonSchema = Mapping[str, Any]
Draft = Mapping[str, Sequence[str]]
"""The texts at each pointer: one, but for choices of several."""
LABELS = "/labels"
_TECHNIQUE = re.compile(r"/steps/(\d+)/technique")
_STEP = re.compile(r"/steps/(\d+)(/.+)")


def text_of(draft: Draft, pointer: str) -> str:
    """Return what was typed at *pointer*, without blanks around it."""
    return next(iter(draft.get(pointer, ())), "").strip()


def techniques_of(draft: Draft) -> list[str]:
    """Return the techniques of the steps, in their order."""
    found = {int(match[1]): text_of(draft, pointer) for pointer in draft if (match := _TECHNIQUE.fullmatch(pointer))}
    return [found[index] for index in sorted(found)]


def with_step(draft: Draft, technique: str) -> Draft:
    """Return the draft with one more step at the end."""
    return {**draft, f"/steps/{len(techniques_of(draft))}/technique": [technique]}


def without_step(draft: Draft, index: int) -> Draft:
    """Return the draft without the step at *index*; those that follow move up."""
    return {new: texts for pointer, texts in draft.items() if (new := _moved(pointer, index)) is not None}


def without(draft: Draft, start: str) -> Draft:
    """Return the draft without what lies below the pointer *start*."""
    return {pointer: texts for pointer, texts in draft.items() if not pointer.startswith(f"{start}/")}


def has_target(draft: Draft) -> bool:
    """Return whether the draft asks for a target."""
    return any(pointer.startswith("/target/") for pointer in draft)


def draft_of(document: Json) -> Draft:
    """Return the draft that stands for *document*."""
    draft = dict(_texts("", {name: each for name, each in document.items() if name != "labels"}))
    labels = document.get("labels") or {}
    return draft | ({LABELS: ["\n".join(f"{key}={each}" for key, each in labels.items())]} if labels else {})


def document_of(draft: Draft, schemas: Mapping[str, JsonSchema]) -> Json:
    """Return the document that *draft* stands for; what was left empty is left out.

    Args:
        draft: what was typed.
        schemas: the JSON Schema at each pointer that counts. A text that is no value of its type stays a text, so that
            whoever checks the document says what was expected.
    """
    document: Json = {}
    for index, technique in enumerate(techniques_of(draft)):
        _put(document, f"/steps/{index}/technique", technique)
    for pointer, schema in schemas.items():
        texts = [text for each in draft.get(pointer, ()) if (text := each.strip())]
        if texts:
            _put(document, pointer, value_of(schema, texts))
    return document


def value_of(schema: JsonSchema, texts: Sequence[str]) -> Any:
    """Return the value of the type that *schema* names which the *texts* stand for."""
    text, kinds = texts[0], kinds_of(schema)
    if "pairs" in kinds:
        return dict(_pair(line) for line in text.splitlines() if line.strip())
    if "array" in kinds and (len(texts) > 1 or "items" in schema or "," in text):
        return _array(schema, texts)
    if "boolean" in kinds:
        return {"true": True, "false": False}.get(text, text)
    return number_of(text) if kinds & {"integer", "number"} else text


def kinds_of(schema: JsonSchema) -> set[str]:
    """Return the types that *schema* allows."""
    return {str(each.get("type")) for each in schema.get("oneOf") or schema.get("anyOf") or [schema]}


def number_of(text: str) -> int | float | str:
    """Return the number that *text* is, or *text*."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _array(schema: JsonSchema, texts: Sequence[str]) -> Any:
    items = schema.get("items", {})
    if items.get("type", "object") in {"integer", "number"} or "items" not in schema:
        return [number_of(each) for each in re.split(r"[,\s]+", texts[0].strip(" ,[]"))]
    if "enum" in items:
        return list(texts)
    try:
        return json.loads(texts[0])
    except ValueError:
        return texts[0]


def _put(document: Json, pointer: str, value: Any) -> None:
    """Put *value* where *pointer* says; arrays grow in order."""
    *way, last = pointer.strip("/").split("/")
    place: Any = document
    for part in way:
        place = _step_into(place, part)
    place[last] = value


def _step_into(place: Any, part: str) -> Any:
    if isinstance(place, list):
        if int(part) == len(place):
            place.append({})
        return place[int(part)]
    return place.setdefault(part, [] if part == "steps" else {})


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key.strip(), value.strip()


def _moved(pointer: str, index: int) -> str | None:
    match = _STEP.fullmatch(pointer)
    if match is None or int(match[1]) < index:
        return pointer
    return None if int(match[1]) == index else f"/steps/{int(match[1]) - 1}{match[2]}"


def _texts(pointer: str, value: Any) -> Iterator[tuple[str, list[str]]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(f"{pointer}/{name}", each)
    elif isinstance(value, list) and pointer == "/steps":
        for index, each in enumerate(value):
            yield from _texts(f"{pointer}/{index}", each)
    elif isinstance(value, list) and all(isinstance(each, str) for each in value):
        yield pointer, value
    elif isinstance(value, list) and not any(isinstance(each, Mapping) for each in value):
        yield pointer, [", ".join(map(str, value)) + ("," if len(value) == 1 else "")]
    else:
        yield pointer, [value if isinstance(value, str) else json.dumps(value)]

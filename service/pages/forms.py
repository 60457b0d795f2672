"""The form that asks for a compression: fields read off the JSON Schemas that the service publishes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.contract.catalogue import CatalogueEntry
from service.errors import FieldError
from service.pages import words
from service.pages.drafts import LABELS, Draft, JsonSchema, has_target, techniques_of
from service.pages.fields import Errors, Field, field_of
from service.pages.techniques import needs

SECTIONS = (
    ("data", "DataRef", "Data", "What steps learn from, and what closeness is judged on."),
    (
        "recovery",
        "Recovery",
        "Recovery",
        "Training after the last step, which needs data: give its steps to ask for it.",
    ),
    ("profile", "ProfileOptions", "Measuring", "On what, and how often."),
    ("output", "Output", "Files", "What the result is written as."),
    ("limits", "Limits", "Limits", "When to give up."),
)
"""What a request may have beside its model and what to do: name, schema, heading, purpose."""
EVALUATE = "/evaluate"
PAIRS: JsonSchema = {"type": "pairs", "description": "Your own words: key=value, one a line"}
UNKNOWN: JsonSchema = {"properties": {}}


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together.

    Attributes:
        pointer: of the object that they are members of.
        technique: of a step.
        choose: fields of which exactly one is given.
        main: fields that are always in view.
        more: fields that may be left as they are.
        errors: what is wrong with the object as a whole.
    """

    pointer: str
    title: str
    about: str
    technique: str = ""
    choose: Sequence[Field] = ()
    main: Sequence[Field] = ()
    more: Sequence[Field] = ()
    errors: Sequence[str] = ()

    @property
    def id(self) -> str:
        """Return what names the element."""
        return group_id(self.pointer)

    @property
    def fields(self) -> Sequence[Field]:
        """Return all of them."""
        return (*self.choose, *self.main, *self.more)

    @property
    def touched(self) -> bool:
        """Return whether somebody should see it."""
        return bool(self.errors) or any(each.touched for each in self.fields)

    @property
    def more_touched(self) -> bool:
        """Return whether somebody should see the fields that may be left as they are."""
        return any(each.touched for each in self.more)


def group_id(pointer: str) -> str:
    """Return the name of the element of the group at *pointer*."""
    return "in" + pointer.replace("/", "-")


@dataclass(frozen=True, slots=True)
class Form:
    """The whole form.

    Attributes:
        source: the model.
        steps: one group a step.
        target: the budget that stands instead of steps.
        further: what may be left as it is.
        errors: everything that is wrong: the id of the element, its name, and what was expected.
        focus: the id of the element to begin at; empty for none.
    """

    source: Group
    steps: Sequence[Group]
    target: Group | None
    further: Sequence[Group]
    errors: Sequence[tuple[str, str, str]]
    focus: str


@dataclass(frozen=True, slots=True)
class _Shown:
    draft: Draft
    errors: Errors


@dataclass(frozen=True, slots=True)
class FormMaker:
    """Makes forms.

    Attributes:
        catalogue: the techniques.
        published: schemas of the other parts of a request by name, as the contract has them.
    """

    catalogue: Mapping[str, CatalogueEntry]
    published: Mapping[str, Any]

    def schemas(self, draft: Draft) -> dict[str, JsonSchema]:
        """Return the schema at each pointer that *draft* may fill."""
        objects = self._objects(draft)
        members = {f"{at}/{name}": one for at, schema in objects.items() for name, one in schema["properties"].items()}
        return members | {at: schema for at, _, _, schema in self._values()}

    def form(self, draft: Draft, errors: Sequence[FieldError] = (), focus: str = "") -> Form:
        """Return the form that shows *draft* and what is wrong with it."""
        objects = self._objects(draft)
        shown = _Shown(draft, _placed(errors, [*objects, *self.schemas(draft)]))
        source = _group("/model", "Model", "", objects["/model"], shown)
        steps = [self._step(index, name, shown) for index, name in enumerate(techniques_of(draft))]
        target = _group("/target", "Target", "", objects["/target"], shown) if "/target" in objects else None
        further = [
            _group(f"/{name}", title, about, objects[f"/{name}"], shown, needed=False)
            for name, _, title, about in SECTIONS
        ]
        for at, title, about, schema in self._values():
            further.append(Group(at, title, about, main=[field_of(at, schema, draft, shown.errors)]))
        wrong = list(_summary([source, *steps, *([target] if target else ()), *further], shown.errors))
        return Form(source, steps, target, further, wrong, "wrong" if wrong else focus)

    def _step(self, index: int, name: str, shown: _Shown) -> Group:
        entry = self.catalogue.get(name)
        title, about = f"Step {index + 1}: {words.plain(name)}", f"{entry['summary']} {needs(entry)}" if entry else ""
        schema = entry["parameters"] if entry else UNKNOWN
        return _group(f"/steps/{index}", title, about, schema, shown, technique=name)

    def _values(self) -> Iterator[tuple[str, str, str, JsonSchema]]:
        """Yield what a request may have that is no object of fields: pointer, heading, purpose, schema."""
        probes = self.published["CompressionRequest"]["properties"]["evaluate"]
        yield EVALUATE, "Quality", "What the output is worth for tasks of yours, before and after.", probes
        yield LABELS, "Labels", "To find the job again.", PAIRS

    def _objects(self, draft: Draft) -> dict[str, JsonSchema]:
        """Return the schema of each object of the request."""
        named = {"model": "ModelRef"} | ({"target": "Target"} if has_target(draft) else {})
        named |= {name: schema for name, schema, *_ in SECTIONS}
        found = {f"/{name}": _resolved(self.published, self.published[schema]) for name, schema in named.items()}
        for index, name in enumerate(techniques_of(draft)):
            found[f"/steps/{index}"] = self.catalogue[name]["parameters"] if name in self.catalogue else UNKNOWN
        return found


def _resolved(schemas: Mapping[str, Any], schema: JsonSchema) -> JsonSchema:
    """Return *schema* with what its members refer to put in their places."""
    return {**schema, "properties": {name: _followed(schemas, each) for name, each in schema["properties"].items()}}


def _followed(schemas: Mapping[str, Any], schema: JsonSchema) -> JsonSchema:
    named = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else {}
    items = {"items": _followed(schemas, schema["items"])} if "items" in schema else {}
    return {**named, **schema, **items}


def _group(
    pointer: str, title: str, about: str, schema: JsonSchema, shown: _Shown, *, needed: bool = True, technique: str = ""
) -> Group:
    """Return the fields of the object at *pointer*; *needed* says whether the request must have it."""
    required = schema.get("required", ())
    made = {
        name: field_of(f"{pointer}/{name}", each, shown.draft, shown.errors, needed=needed and name in required)
        for name, each in schema["properties"].items()
    }
    choose = _alternatives(schema)
    rest = [name for name in made if name not in choose]
    main = [name for name in rest if name in required] or ([] if choose else rest[:1])
    return Group(
        pointer,
        title,
        about,
        technique,
        choose=[made[name] for name in choose],
        main=[made[name] for name in main],
        more=[made[name] for name in rest if name not in main],
        errors=shown.errors.get(pointer, ()),
    )


def _alternatives(schema: JsonSchema) -> list[str]:
    """Return the members of which exactly one is given."""
    for each in (schema, *schema.get("allOf", ())):
        if "oneOf" in each:
            return [name for branch in each["oneOf"] for name in branch["required"]]
    return []


def _placed(errors: Sequence[FieldError], pointers: Sequence[str]) -> dict[str, list[str]]:
    """Return what is wrong at each of *pointers*: an error belongs to the nearest one above it."""
    placed: dict[str, list[str]] = {}
    for error in errors:
        near = [each for each in pointers if f"{error.where}/".startswith(f"{each}/")]
        placed.setdefault(max(near, key=len, default=""), []).append(error.detail)
    return placed


def _summary(groups: Sequence[Group], said: Errors) -> Iterator[tuple[str, str, str]]:
    yield from (("what", "The request", text) for text in said.get("", ()))
    for group in groups:
        yield from ((group.id, group.title, text) for text in group.errors)
        for each in group.fields:
            yield from ((each.id, f"{group.title}, {each.label}", text) for text in each.errors)

"""Notes on parameters become the schema that callers see."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import pytest

from jobs.compression.schema import Rule, Schema, json_schema, problems


@dataclass(frozen=True)
class Cut:
    """Parameters of every kind."""

    alternatives: ClassVar[tuple[str, ...]] = ("share", "count")
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(when={"how": ("fancy",)}, then={"loud": (False,)}),
        Rule(when={"loud": (True,)}, then={"share": ()}),
        Rule(when={"which": ()}, then={"how": ("plain",)}),
    )

    how: Annotated[Literal["plain", "fancy"], Schema("How.")]
    share: Annotated[float | None, Schema("Share.", minimum=0, below=1)] = None
    count: Annotated[int | None, Schema("Count.", minimum=1)] = None
    which: Annotated[tuple[int, ...] | None, Schema("Which.", minimum=0)] = None
    loud: Annotated[bool, Schema("Loud.")] = False


def test_a_field_becomes_a_property() -> None:
    """Type, bounds, default, choices and description come from the annotation."""
    schema = json_schema(Cut)

    assert schema["properties"] == {
        "how": {"type": "string", "enum": ["plain", "fancy"], "description": "How."},
        "share": {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "description": "Share."},
        "count": {"type": "integer", "minimum": 1, "description": "Count."},
        "which": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0},
            "minItems": 1,
            "uniqueItems": True,
            "description": "Which.",
        },
        "loud": {"type": "boolean", "description": "Loud.", "default": False},
    }


def test_alternatives_become_one_of() -> None:
    """A field without default is required; of the alternatives exactly one is."""
    schema = json_schema(Cut)

    assert schema["required"] == ["how"]
    assert schema["oneOf"] == [{"required": ["share"]}, {"required": ["count"]}]
    assert schema["additionalProperties"] is False


def test_rules_become_conditions() -> None:
    """A name is required on a side only where its default is none of the values: not given, it has its default."""
    schema = json_schema(Cut)

    assert schema["allOf"] == [
        {
            "if": {"properties": {"how": {"enum": ["fancy"]}}, "required": ["how"]},
            "then": {"properties": {"loud": {"enum": [False]}}},
        },
        {
            "if": {"properties": {"loud": {"enum": [True]}}, "required": ["loud"]},
            "then": {"properties": {}, "required": ["share"]},
        },
        {
            "if": {"properties": {}, "required": ["which"]},
            "then": {"properties": {"how": {"enum": ["plain"]}}, "required": ["how"]},
        },
    ]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"share": 0.5}, "how: missing."),
        ({"how": "plain"}, "Expected exactly one of share, count; got none."),
        ({"how": "plain", "share": 0.5, "count": 2}, "Expected exactly one of share, count; got share, count."),
        ({"how": "plain", "share": 1.0}, "share: expected number at least 0 less than 1; got 1.0."),
        ({"how": "plain", "share": float("nan")}, "share: expected number at least 0 less than 1; got nan."),
        ({"how": "plain", "count": True}, "count: expected integer at least 1; got True."),
        ({"how": "plain", "count": 2.0}, "count: expected integer at least 1; got 2.0."),
        ({"how": "odd", "count": 2}, "how: expected one of plain, fancy; got 'odd'."),
        ({"how": "plain", "share": 0.5, "loud": 1}, "loud: expected boolean; got 1."),
        (
            {"how": "plain", "count": 2, "which": [1, 1]},
            "which: expected a list of distinct values, each integer at least 0; got [1, 1].",
        ),
        ({"how": "fancy", "share": 0.5, "loud": True}, "loud: expected false because of how fancy; got True."),
        ({"how": "plain", "count": 2, "loud": True}, "share: expected a value because of loud true; got nothing."),
        ({"how": "fancy", "share": 0.5, "which": [1]}, "how: expected plain because of which; got 'fancy'."),
        ({"how": "plain", "count": 2, "x": 1}, "x: not a parameter; expected one of how, share, count, which, loud."),
    ],
)
def test_problems_say_what_was_expected_and_what_came(document: dict[str, Any], expected: str) -> None:
    """Each problem is one sentence with the field, what was expected and what came."""
    assert list(problems(json_schema(Cut), document)) == [expected]


def test_a_good_document_has_no_problems() -> None:
    """What fits the schema passes."""
    assert not list(problems(json_schema(Cut), {"how": "plain", "share": 0, "which": [2, 0], "loud": True}))

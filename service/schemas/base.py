"""What every request body has in common: unknown fields are refused, and fields may exclude or need each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, validates_schema

from jobs.contract.rules import breaches

Json = dict[str, Any]


class Rule(Protocol):
    """What one field of an object says about another: published as JSON Schema, enforced in Python."""

    def json_schema(self) -> Json:
        """Return the rule as it is published."""

    def check(self, document: Mapping[str, Any]) -> None:
        """Raise `marshmallow.ValidationError` if *document* breaks the rule."""


@dataclass(frozen=True, slots=True)
class ExactlyOne:
    """Exactly one of *names* is there."""

    names: Sequence[str]

    def json_schema(self) -> Json:
        """Return a ``oneOf`` over ``required``."""
        return {"oneOf": [{"required": [name]} for name in self.names]}

    def check(self, document: Mapping[str, Any]) -> None:
        """Refuse none and several."""
        came = [name for name in self.names if name in document]
        if len(came) != 1:
            raise ValidationError(
                f"Expected exactly one of {', '.join(self.names)}; got {' and '.join(came) or 'none'}."
            )


@dataclass(frozen=True, slots=True)
class AtLeastOne:
    """One of *names* is there, or several."""

    names: Sequence[str]

    def json_schema(self) -> Json:
        """Return an ``anyOf`` over ``required``."""
        return {"anyOf": [{"required": [name]} for name in self.names]}

    def check(self, document: Mapping[str, Any]) -> None:
        """Refuse none."""
        if not any(name in document for name in self.names):
            raise ValidationError(f"Expected at least one of {', '.join(self.names)}; got none.")


@dataclass(frozen=True, slots=True)
class Together:
    """Where some fields have certain values, others must have theirs, as `jobs.contract.rules` reads it."""

    rule: Json

    def json_schema(self) -> Json:
        """Return the rule, which is a condition already."""
        return self.rule

    def check(self, document: Mapping[str, Any]) -> None:
        """Refuse values that do not go together."""
        if wrong := {name: [said[0].upper() + said[1:]] for name, said in breaches(self.rule, document)}:
            raise ValidationError(wrong)


class RequestSchema(Schema):
    """An object that a caller sends."""

    class Meta:
        """Nothing is overlooked."""

        unknown = RAISE

    rules: ClassVar[Sequence[Rule]] = ()

    error_messages: ClassVar[dict[str, str]] = {  # type: ignore[misc]
        "unknown": "Expected no such field; check its spelling.",
        "type": "Expected an object.",
    }

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def follow_rules(self, data: Any, original: Any, **_: Any) -> None:
        """Refuse fields that exclude or miss each other."""
        for rule in self.rules if isinstance(original, Mapping) else ():
            rule.check(original)


class AnswerSchema(Schema):
    """An object that the service sends: open, so that a later version may say more."""

    class Meta:
        """What is not declared is not sent, and not forbidden."""

        unknown = EXCLUDE


class AnswerUnion(AnswerSchema):
    """An answer whose *tag* says which of *branches* it is."""

    tag: ClassVar[str]
    branches: ClassVar[Mapping[str, type[AnswerSchema]]]

    def dump(self, obj: Any, **options: Any) -> Any:
        """Return what its branch makes of *obj*."""
        return self.branches[obj[self.tag]]().dump(obj, **options)

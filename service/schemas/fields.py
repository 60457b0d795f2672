"""Fields that mean what JSON Schema means: nothing is coerced, every bound is published as it is held."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Self

from marshmallow import Schema, ValidationError, fields, validate

from jobs.contract.errors import InvalidRequestError, InvalidUriError
from jobs.contract.uris import URI_MAX_LENGTH, parse_uri


class CodedMessage(str):  # noqa: SLOT000 - slots and a typed attribute exclude each other
    """A message that knows its error code."""

    code: str

    def __new__(cls, text: str, code: str = InvalidRequestError.code) -> Self:
        """Return *text*, marked with *code*."""
        message = super().__new__(cls, text)
        message.code = code
        return message


def expected(what: str, value: object) -> ValidationError:
    """Return the error that says what was expected and what came."""
    return ValidationError(f"Expected {what}; got {shown(value)}.")


def shown(value: object) -> str:
    """Return *value* in a few words."""
    named = {dict: "an object", list: "an array", type(None): "null", bool: str(value).lower()}
    text = named.get(type(value)) or repr(value)
    return text if len(text) <= 60 else text[:59] + "…"  # noqa: PLR2004 - one line of a message


class Within(validate.Range):
    """A range that says what it expected."""

    def __call__(self, value: Any) -> Any:
        """Return *value* if it lies within."""
        try:
            return super().__call__(value)
        except ValidationError:
            raise expected(" and ".join(self._words()), value) from None

    def _words(self) -> Iterator[str]:
        if self.min is not None:
            yield f"at least {self.min}" if self.min_inclusive else f"more than {self.min}"
        if self.max is not None:
            yield f"at most {self.max}" if self.max_inclusive else f"less than {self.max}"


class StrictInteger(fields.Integer):
    """A JSON integer: ``1`` and ``1.0``, never ``"1"`` or ``true``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value % 1:
            raise expected("an integer", value)
        return int(value)


class QueryInteger(fields.Integer):
    """A whole number in a query string."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise expected("a whole number", value)
        return int(value)


class StrictNumber(fields.Float):
    """A finite JSON number, never ``"1"`` or ``true``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            raise expected("a number", value)
        return value


class StrictBoolean(fields.Boolean):
    """``true`` or ``false`` and nothing else."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise expected("true or false", value)
        return value


class StrictString(fields.String):
    """A JSON string."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise expected("a string", value)
        return value


class Patterned(StrictString):
    """A string that is *said* in words and by a regular expression, which ECMAScript and Python read alike."""

    def __init__(self, pattern: str, said: str, *, longest: int | None = None, **kwargs: Any) -> None:
        published = {"pattern": f"^{pattern}$"} | ({"maxLength": longest} if longest else {})
        super().__init__(metadata=published | kwargs.pop("metadata", {}), **kwargs)
        self.pattern, self.said, self.longest = re.compile(pattern), said, longest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not self.pattern.fullmatch(text) or len(text) > (self.longest or len(text)):
            raise expected(self.said, value)
        return text


class StrictList(fields.List[Any]):
    """A JSON array; with *unique*, of different things."""

    def __init__(self, inner: fields.Field[Any], *, unique: bool = False, **kwargs: Any) -> None:
        super().__init__(inner, **kwargs)
        self.unique = unique

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise expected("an array", value)
        items = list(super()._deserialize(value, attr, data, **kwargs))
        if self.unique and any(item in items[:index] for index, item in enumerate(items)):
            raise ValidationError("Expected items that differ from each other.")
        return items


class Tag(StrictString):
    """The one word that says which branch of a union an object is: published as ``const``."""

    def __init__(self, word: str, **kwargs: Any) -> None:
        super().__init__(required=True, validate=validate.Equal(word), **kwargs)
        self.word = word


class NamedEnum(StrictString):
    """One of a closed set of words, published once under *name*."""

    def __init__(self, name: str, words: Iterable[str] | type[StrEnum], **kwargs: Any) -> None:
        self.words = [str(word) for word in words]
        super().__init__(**kwargs)
        self.component = name

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise expected(f"one of {', '.join(self.words)}", value)
        return value


class OneOf(fields.Field[dict[str, Any]]):
    """An object whose *tag* says which of *branches* it is."""

    def __init__(self, tag: str, branches: Mapping[str, type[Schema]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tag = tag
        self.branches = {word: schema() for word, schema in branches.items()}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise expected("an object", value)
        word = value.get(self.tag)
        if not isinstance(word, str) or word not in self.branches:
            message = f"Expected one of {', '.join(self.branches)}; got {shown(word)}."
            raise ValidationError({self.tag: [message]})
        loaded: dict[str, Any] = self.branches[word].load(value)
        return loaded


class AnyOf(fields.Field[Any]):
    """A value that one of *alternatives* accepts, tried in order."""

    def __init__(self, alternatives: Sequence[fields.Field[Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alternatives = alternatives

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        said: list[str] = []
        for each in self.alternatives:
            try:
                return each.deserialize(value, attr, data, **kwargs)
            except ValidationError as error:
                said.append(_first_message(error.messages))
        raise ValidationError(" Or: ".join(said))


class Labels(fields.Dict):
    """At most *most* pairs of a short key and a short text."""

    KEY = r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$"
    VALUE_LENGTH = 255

    def __init__(self, most: int = 16, **kwargs: Any) -> None:
        super().__init__(
            keys=StrictString(), values=StrictString(validate=validate.Length(max=self.VALUE_LENGTH)), **kwargs
        )
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise expected("an object of strings", value)
        if len(value) > self.most:
            raise ValidationError(f"Expected at most {self.most} labels; got {len(value)}.")
        wrong = {key: [text] for key, each in value.items() if (text := self._wrong(key, each))}
        if wrong:
            raise ValidationError(wrong)
        return value

    def _wrong(self, key: str, value: object) -> str | None:
        if not re.fullmatch(self.KEY[1:-1], key):
            return f"Expected a key of 1 to 63 letters, digits, '_', '.', '/' or '-'; got {shown(key)}."
        if not isinstance(value, str) or len(value) > self.VALUE_LENGTH:
            return f"Expected a string of at most {self.VALUE_LENGTH} characters; got {shown(value)}."
        return None


_PLAIN = r"[^\x00-\x1f\x7f\\?#%]"
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}"


class UriField(StrictString):
    """A reference to a model or data, as `jobs.contract.uris` reads it."""

    PATTERN = (
        r"^(?!.*/\.\.(/|$))("
        rf"s3://[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9](/{_PLAIN}*)?"
        rf"|hf://{_NAME}/{_NAME}(@[A-Za-z0-9_./-]{{1,128}})?"
        rf"|upload://upl_[0-9A-HJKMNP-TV-Z]{{26}}(/{_PLAIN}*)?"
        rf"|file:///*[^\x00-\x1f\x7f\\?#%/]{_PLAIN}*"
        r")$"
    )

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"maxLength": URI_MAX_LENGTH, "pattern": self.PATTERN, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            parse_uri(text)
        except InvalidUriError as error:
            raise ValidationError(CodedMessage(error.message, error.code)) from None
        if not re.search(self.PATTERN, text):
            raise ValidationError(CodedMessage(f"Expected plain letters; got {shown(text)}.", InvalidUriError.code))
        return text


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False


def _first_message(messages: Any) -> str:
    while not isinstance(messages, str):
        messages = next(iter(messages.values() if isinstance(messages, dict) else messages))
    return messages

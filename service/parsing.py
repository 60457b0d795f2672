"""From the bytes of a request to checked values; everything wrong with them is said with a pointer."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import flask
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser

from jobs.contract.errors import InvalidRequestError
from service.errors import FieldError, InvalidFieldsError, MalformedJsonError, UnsupportedMediaTypeError
from service.schemas.fields import CodedMessage

MOST_ERRORS = 100
JSON = "application/json"
DEEPEST = 32
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_ALIKE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class RequestParser(FlaskParser):  # type: ignore[misc]
    """Reads bodies as strict JSON and refuses unknown query parameters."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": RAISE}  # noqa: RUF012 - as webargs has it

    def load_json(self, req: flask.Request, schema: Schema) -> Any:
        """Return the JSON document of the body.

        Raises:
            UnsupportedMediaTypeError: it is announced as something else.
            MalformedJsonError: it is not JSON.
        """
        if req.mimetype != JSON:
            raise UnsupportedMediaTypeError(f"Expected Content-Type: {JSON}; got {req.mimetype or 'none'}.")
        body = req.get_data()
        req.stream.read(1)  # a body of unknown length is cut off at the limit; only reading on says 413
        return read_json(body, deepest=flask.current_app.config["JSON_DEPTH"])

    def handle_error(self, error: ValidationError, req: flask.Request, schema: Schema, **_: Any) -> NoReturn:
        """Say where the request is wrong.

        Raises:
            InvalidFieldsError: always.
        """
        found = [each for place, messages in error.messages_dict.items() for each in _flatten(place, messages)]
        raise InvalidFieldsError(found[:MOST_ERRORS])


def checked(schema: type[Schema], document: Mapping[str, Any], place: str) -> Any:
    """Return what *schema* makes of a *document* that did not come as a request's body; *place* is as in webargs.

    Raises:
        InvalidFieldsError: it is not what the schema says.
    """
    try:
        return schema().load(document)
    except ValidationError as error:
        raise InvalidFieldsError(list(_flatten(place, error.messages))[:MOST_ERRORS]) from None


def read_json(body: bytes, *, deepest: int = DEEPEST) -> Any:
    """Return the document that *body* holds, nested at most *deepest*.

    Raises:
        MalformedJsonError: it is empty, cut short, too deep, not UTF-8, says one name twice, or holds NaN, Infinity or
            half a surrogate pair.
    """
    if _is_deeper(body, deepest):
        raise MalformedJsonError(f"Expected a JSON document whose brackets match, nested at most {deepest} deep.")
    try:
        document = json.loads(body.decode(), parse_constant=_refuse, object_pairs_hook=_different)
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise MalformedJsonError("Expected a JSON document; got one that is nested too deeply.") from None
    except ValueError as error:
        raise MalformedJsonError(f"Expected a JSON document in UTF-8; {error}.") from None
    return document


def _is_deeper(body: bytes, deepest: int) -> bool:
    """Return whether brackets remain when the innermost pairs are taken away *deepest* times: nothing is parsed yet."""
    brackets = _STRINGS.sub(b"", body).translate(_ALIKE, delete=_NO_BRACKETS)
    for _ in range(deepest):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _different(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object with these *members*; whoever reads the same name twice may take either."""
    named = dict(members)
    if len(named) < len(members):
        twice = next(name for name, count in Counter(name for name, _ in members).items() if count > 1)
        raise ValueError(f"{twice[:64]!r} comes twice in one object")
    return named


def _flatten(place: str, messages: Any, path: tuple[str, ...] = ()) -> Iterator[FieldError]:
    if isinstance(messages, Mapping):
        for key, each in messages.items():
            yield from _flatten(place, each, path if key == "_schema" else (*path, str(key)))
        return
    for message in [messages] if isinstance(messages, str) else messages:
        code = message.code if isinstance(message, CodedMessage) else InvalidRequestError.code
        where = "/".join(path) if place == "query" else "".join(f"/{_escaped(part)}" for part in path)
        yield FieldError(str(message), "parameter" if place == "query" else "pointer", where, code)


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")

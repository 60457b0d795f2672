"""flask-smorest, corrected: errors are problems, schemas are published as they are enforced."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from http import HTTPStatus
from inspect import getdoc
from typing import Any, TypeVar, cast

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin, OpenAPIConverter
from flask import Response
from flask_smorest.spec.plugins import FlaskPlugin
from flask_smorest.utils import prepare_response
from marshmallow import Schema, fields, validate
from werkzeug.exceptions import HTTPException

from jobs.state.keys import Scope
from service.auth import needed_by
from service.parsing import RequestParser
from service.problems import PROBLEM, handle_framework_error
from service.schemas.answers import Problem
from service.schemas.base import AnswerUnion, RequestSchema
from service.schemas.fields import AnyOf, Labels, NamedEnum, OneOf, StrictList, Tag

Json = dict[str, Any]
KEY = "apiKey"
"""The name of the one security scheme."""
View = TypeVar("View", bound=Callable[..., Any])


def _header(kind: str, about: str) -> Json:
    return {"schema": {"type": kind}, "description": about}


LIMITS: Json = {
    "RateLimit-Policy": _header("string", "How many requests (q) in how many seconds (w); on every answer"),
    "RateLimit": _header("string", "How many are left (r), and when there are more (t) [s]; on every answer"),
}
"""What is said of the rate limit."""

PROBLEMS: Mapping[int, tuple[str, str]] = {
    400: ("BadRequest", "The body is not JSON"),
    401: ("Unauthorized", "The API key is missing, not known or over"),
    403: ("Forbidden", "The API key may not do this"),
    404: ("NotFound", "There is nothing here for this key"),
    409: ("Conflict", "Things are in a state that does not allow it; code says which"),
    410: ("Gone", "It was here, and is no longer kept; code says what"),
    413: ("PayloadTooLarge", "The body is too large"),
    415: ("UnsupportedMediaType", "The body is not application/json"),
    422: ("UnprocessableContent", "The request is well-formed, but wrong; errors says where"),
    429: ("TooManyRequests", "The tenant has or asks too much just now"),
    500: ("InternalError", "A fault of ours"),
    503: ("Unavailable", "A part of the service does not answer; try again"),
}
"""Status to the name and description of its documented response."""


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """Views whose errors are documented without being listed: what can go wrong follows from what they read.

    Attributes:
        scope: what a key needs for any of them; None: what the method says.
    """

    ARGUMENTS_PARSER = RequestParser()

    def __init__(self, *args: Any, scope: Scope | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope = scope
        self._prepare_doc_cbks.append(self._prepare_problem_doc)

    def arguments(self, schema: type[Schema], **options: Any) -> Callable[[View], View]:
        """Return a decorator that passes what was sent, read by *schema*, which is made once and not for each call."""
        return cast(Callable[[View], View], super().arguments(schema(), **options))

    def reads_header(self, parameter: Json) -> Callable[[View], View]:
        """Return a decorator that publishes a header which the view reads by itself, beside its arguments."""

        def decorator(view: View) -> View:
            about: Json = deepcopy(getattr(view, "_apidoc", {}))
            about.setdefault("arguments", {}).setdefault("parameters", []).append({"in": "header", **parameter})
            view._apidoc = about  # type: ignore[attr-defined]  # noqa: SLF001 - where flask-smorest keeps it
            return view

        return decorator

    def _prepare_problem_doc(self, doc: Json, doc_info: Json, *, method: str, **_: Any) -> Json:
        private = doc_info.get("manual_doc", {}).get("security") != []
        if private:
            doc["security"] = [{KEY: [str(self.scope or needed_by(method))]}]
        responses = doc.setdefault("responses", {})
        reads = "requestBody" in doc or bool(doc.get("parameters"))
        for status in _problem_statuses(private=private, body="requestBody" in doc, reads=reads):
            responses.setdefault(status, None)
        named = {status: PROBLEMS[status][0] if status in PROBLEMS else said for status, said in responses.items()}
        return doc | {"responses": dict(sorted(named.items()))}


def _problem_statuses(*, private: bool, body: bool, reads: bool) -> Iterator[int]:
    if body:
        yield from (400, 413, 415)
    if private:
        yield from (401, 403, 429)
    if reads:
        yield 422
    yield from (500, 503)


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The contract of the service, and the one shape of its errors."""

    ERROR_SCHEMA = Problem
    DEFAULT_ERROR_RESPONSE_NAME = None

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Return the problem document that stands for *error*."""
        return handle_framework_error(error)

    def _register_responses(self) -> None:
        for status, (name, description) in PROBLEMS.items():
            response: Json = {"description": description, "schema": self.ERROR_SCHEMA}
            if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
                response["headers"] = {"Retry-After": _header("integer", "When to try again [s]")}
            if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                response["headers"] = {"WWW-Authenticate": _header("string", "Bearer, and the scope that is needed")}
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                response["headers"] |= LIMITS
            prepare_response(response, self.spec, PROBLEM)
            self.spec.components.response(name, response, lazy=True)

    def _register_etag_headers(self) -> None:
        """Leave them out: a view that has an ETag says so itself."""

    def _register_pagination_header(self) -> None:
        """Leave it out: pages carry their cursor in the body."""


class Converter(OpenAPIConverter):  # type: ignore[misc]
    """Publishes our fields and what the docstrings say."""

    def init_attribute_functions(self) -> None:
        """Put our own fields after apispec's."""
        super().init_attribute_functions()
        for publish in (
            publish_bounds,
            publish_tag,
            publish_enum,
            publish_one_of,
            publish_any_of,
            publish_labels,
            publish_unique,
        ):
            self.add_attribute_function(publish)

    def schema2jsonschema(self, schema: Schema) -> Json:
        """Return the JSON Schema of *schema* with its description and rules, or that of a union."""
        document: Json = (
            _union(self, schema.tag, schema.branches)
            if isinstance(schema, AnswerUnion)
            else super().schema2jsonschema(schema)
        )
        rules = [rule.json_schema() for rule in schema.rules] if isinstance(schema, RequestSchema) else []
        about = {"description": " ".join((getdoc(type(schema)) or "").split())}
        # Within allOf: beside `properties`, generators take a bare `oneOf` for a union of types.
        return about | document | ({"allOf": rules} if rules else {})


class Plugin(MarshmallowPlugin):  # type: ignore[misc]
    """apispec's marshmallow plugin with our converter."""

    Converter = Converter


def publish_bounds(self: Converter, field: fields.Field[Any], ret: Json) -> Json:
    """Publish bounds as they are held: apispec calls an exclusive one inclusive."""
    found: Json = {}
    for each in field.validators:
        if isinstance(each, validate.Range):
            found["minimum" if each.min_inclusive else "exclusiveMinimum"] = each.min
            found["maximum" if each.max_inclusive else "exclusiveMaximum"] = each.max
    if found:
        ret.pop("minimum", None)
        ret.pop("maximum", None)
    return {word: bound for word, bound in found.items() if bound is not None}


def publish_tag(self: Converter, field: fields.Field[Any], ret: Json) -> Json:
    """Publish the one value of a tag."""
    if not isinstance(field, Tag):
        return {}
    ret.pop("enum", None)
    return {"const": field.word}


def publish_enum(self: Converter, field: fields.Field[Any], ret: Json) -> Json:
    """Publish a closed set of words once, by its name."""
    if not isinstance(field, NamedEnum):
        return {}
    schemas = self.spec.components
    if field.component not in schemas.schemas:
        schemas.schema(field.component, {"type": "string", "enum": field.words})
    ret.pop("type", None)
    return {"$ref": f"#/components/schemas/{field.component}"}


def publish_one_of(self: Converter, field: fields.Field[Any], ret: Json) -> Json:
    """Publish a discriminated union."""
    if not isinstance(field, OneOf):
        return {}
    return _union(self, field.tag, field.branches)


def _union(converter: Converter, tag: str, branches: Mapping[str, Any]) -> Json:
    refs = {word: converter.resolve_nested_schema(schema) for word, schema in branches.items()}
    mapping = {word: ref["$ref"] for word, ref in refs.items()}
    return {"oneOf": list(refs.values()), "discriminator": {"propertyName": tag, "mapping": mapping}}


def publish_any_of(self: Converter, field: fields.Field[Any], ret: Json) -> Json:
    """Publish alternatives of different types."""
    return {"anyOf": [self.field2property(each) for each in field.alternatives]} if isinstance(field, AnyOf) else {}


def publish_labels(self: Converter, field: fields.Field[Any], ret: Json) -> Json:
    """Publish how many labels there may be, and what their keys look like."""
    return {"maxProperties": field.most, "propertyNames": {"pattern": field.KEY}} if isinstance(field, Labels) else {}


def publish_unique(self: Converter, field: fields.Field[Any], ret: Json) -> Json:
    """Publish that the items of an array differ."""
    return {"uniqueItems": True} if isinstance(field, StrictList) and field.unique else {}


def spec_options() -> Json:
    """Return what apispec needs to know."""
    return {"marshmallow_plugin": Plugin(), "flask_plugin": FlaskPlugin()}

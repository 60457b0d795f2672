"""One shape for every HTTP error: RFC 9457 ``application/problem+json`` with a stable ``code``.

What both sides can say is in `jobs.contract.errors`; here is the rest, which only a web server can say.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, json, request
from werkzeug.exceptions import HTTPException

from jobs.contract.errors import InternalError, InvalidRequestError, ModelPressError, StorageError
from jobs.state.objects import AccessRefusedError, ObjectMissingError
from service.rendering import page

PROBLEM = "application/problem+json"
API = "/v1/"
REALM = "modelpress"
RETRY_AFTER_S = 2


class HttpError(ModelPressError):
    """Base of the errors that only the HTTP side knows."""

    @property
    def headers(self) -> dict[str, str]:
        """Return what the answer says beside its body."""
        return {}


class BadRequestError(HttpError):
    """The request cannot be understood."""

    code = "bad_request"
    status = 400


class MalformedJsonError(HttpError):
    """The body is not a JSON document: empty, cut short, too deep, not UTF-8, or with NaN, Infinity or a name twice."""

    code = "malformed_json"
    status = 400


class UnauthorizedError(HttpError):
    """The API key is missing, not known or over; send ``Authorization: Bearer <key>``."""

    code = "unauthorized"
    status = 401

    @property
    def headers(self) -> dict[str, str]:
        """Return how to prove who one is (RFC 6750)."""
        return {"WWW-Authenticate": f'Bearer realm="{REALM}"'}


class InsufficientScopeError(HttpError):
    """The key is good, but may not do this; make one with the scope that is named."""

    code = "insufficient_scope"
    status = 403

    def __init__(self, needed: str, held: Collection[str]) -> None:
        super().__init__(f"Expected a key with the scope {needed}; this one has {', '.join(sorted(held)) or 'none'}.")
        self.needed = needed

    @property
    def headers(self) -> dict[str, str]:
        """Return what the key would need (RFC 6750)."""
        return {"WWW-Authenticate": f'Bearer realm="{REALM}", error="{self.code}", scope="{self.needed}"'}


class ForeignFormError(HttpError):
    """A form of the web page did not come from one of its pages, or from an earlier session; open the page again."""

    code = "foreign_form"
    status = 403


class NotFoundError(HttpError):
    """Nothing lives at this address, or not for this key."""

    code = "not_found"
    status = 404


class ReportNotReadyError(HttpError):
    """The job has not ended yet, so it has neither report nor artifacts; ask again later."""

    code = "report_not_ready"
    status = 404
    retryable = True


class MethodNotAllowedError(HttpError):
    """The address exists, but not with this method; ``Allow`` lists those that do."""

    code = "method_not_allowed"
    status = 405


class NoResultError(HttpError):
    """The job ended without a result: it failed, was cancelled or expired, and its ``error`` says why."""

    code = "no_result"
    status = 409


class NotRetryableError(HttpError):
    """Only a job that ended without a result can be tried again; this one goes on, or has succeeded."""

    code = "not_retryable"
    status = 409


class GoneError(HttpError):
    """There was such a job; its ``expires_at`` has passed, and it was deleted with all that it made."""

    code = "gone"
    status = 410


class EventsGoneError(HttpError):
    """Some of the events that followed ``after`` are no longer kept; what is kept can be read without it."""

    code = "events_gone"
    status = 410


class TooManyStreamsError(HttpError):
    """As many streams of events are open as a tenant may have; pages of events can still be read."""

    code = "too_many_streams"
    status = 429
    retryable = True


class PayloadTooLargeError(HttpError):
    """The body is larger than the service accepts; files travel through ``POST /v1/uploads``."""

    code = "payload_too_large"
    status = 413


class UnsupportedMediaTypeError(HttpError):
    """The body's ``Content-Type`` is not ``application/json``."""

    code = "unsupported_media_type"
    status = 415


class TooManyRequestsError(HttpError):
    """More calls in a minute than a tenant may send, or than an address may send without a good key."""

    code = "too_many_requests"
    status = 429
    retryable = True

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self._retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """Return when there is room again."""
        return {"Retry-After": str(self._retry_after_s)}


class OverloadedError(HttpError):
    """More jobs wait for a worker than the service takes; they come to an end, and then it takes more."""

    code = "overloaded"
    status = 503
    retryable = True

    @property
    def headers(self) -> dict[str, str]:
        """Return when to try again: queues do not shrink within seconds."""
        return {"Retry-After": "30"}


class IdentityUnavailableError(HttpError):
    """Tokens of the identity provider cannot be checked just now; API keys go on working."""

    code = "identity_unavailable"
    status = 503
    retryable = True


class NotReadyError(HttpError):
    """A part that the service needs does not answer."""

    code = "not_ready"
    status = 503
    retryable = True


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field.

    Attributes:
        detail: what was expected and what came.
        place: ``pointer`` (RFC 6901, into the body) or ``parameter`` (of the query).
        where: the pointer or the parameter's name.
        code: what is wrong with it; the whole answer's code where all fields agree.
    """

    detail: str
    place: str
    where: str
    code: str = InvalidRequestError.code

    def to_json(self) -> dict[str, str]:
        """Return ``{pointer | parameter, detail}``."""
        return {self.place: self.where, "detail": self.detail}


class InvalidFieldsError(Exception):
    """Fields of the request are wrong: the way to a 422 that points at each of them."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(errors)
        self.errors = errors

    @property
    def code(self) -> str:
        """Return the code that all wrong fields share, else ``invalid_request``."""
        codes = {each.code for each in self.errors}
        return codes.pop() if len(codes) == 1 else InvalidRequestError.code

    @property
    def detail(self) -> str:
        """Return the first error in a sentence, and how many there are."""
        first, more = self.errors[0], len(self.errors) - 1
        return f"{first.where or 'The body'}: {first.detail}" + (f" And {more} more." if more else "")


_FRAMEWORK = {
    error.status: error
    for error in (
        BadRequestError,
        UnauthorizedError,
        NotFoundError,
        MethodNotAllowedError,
        PayloadTooLargeError,
        UnsupportedMediaTypeError,
        InvalidRequestError,
        InternalError,
        NotReadyError,
    )
}
"""What stands for a status that the framework raises by itself."""


_SAID = {
    404: "Expected an address of this API, as /docs lists them; got {path}.",
    405: "Expected one of the methods in Allow; got {method}.",
    413: "Expected a body of at most {limit} bytes; send files through POST /v1/uploads.",
    500: "A fault of ours; the log of the service has the details under this request_id.",
}
"""What to say instead of the framework's words."""


def handle_framework_error(error: HTTPException) -> Response:
    """Return the problem that says what *error* says, with its headers (``Allow`` and the like) kept."""
    status = error.code or 500
    known = _FRAMEWORK.get(status, BadRequestError)
    kept = {name: value for name, value in error.get_headers() if name not in ("Content-Type", "Content-Length")}
    limit = request.max_content_length
    ours = _SAID.get(status, "").format(method=request.method, path=request.path, limit=limit)
    detail = ours or error.description or HTTPStatus(status).phrase
    return _problem(status, known.code, detail, retryable=known.retryable, headers=kept)


def register(app: Flask) -> None:
    """Make *app* answer our own errors as problems."""

    @app.errorhandler(ModelPressError)
    def say(error: ModelPressError) -> Response:
        """Return what one of our errors says."""
        headers = {"Retry-After": str(RETRY_AFTER_S)} if error.retryable else {}
        if isinstance(error, HttpError):
            headers |= error.headers
        return _problem(error.status, error.code, error.message, retryable=error.retryable, headers=headers)

    @app.errorhandler(ObjectMissingError)
    @app.errorhandler(AccessRefusedError)
    def say_unusable(error: Exception) -> Response:
        """Return that the service's own bucket is not there or not open to it: its operator's to mend."""
        app.logger.error("%s: the bucket cannot be used: %s", g.request_id, error)
        return say(StorageError("The service cannot use its object store; try again later."))

    @app.errorhandler(InvalidFieldsError)
    def point(error: InvalidFieldsError) -> Response:
        """Return where the request is wrong."""
        return _problem(422, error.code, error.detail, errors=[each.to_json() for each in error.errors])


def _problem(
    status: int,
    code: str,
    detail: str,
    *,
    retryable: bool = False,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    body: dict[str, Any] = {
        "type": f"/docs/errors#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
        "request_id": g.request_id,
        "retryable": retryable,
        "errors": list(errors),
    }
    if not _is_for_people():
        return Response(json.dumps(body), status, headers, content_type=PROBLEM)
    response = page("problem.html", status, problem=body)
    response.headers.update(headers or {})
    return response


def _is_for_people() -> bool:
    """Return whether a browser asks for something outside the API."""
    accepted = request.accept_mimetypes.best_match([PROBLEM, "application/json", "text/html"])
    return accepted == "text/html" and not request.path.startswith(API)

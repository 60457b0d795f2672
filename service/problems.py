"""One shape for every HTTP error: RFC 9457 ``application/problem+json`` with a stable ``code``."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, json, request
from werkzeug.exceptions import HTTPException

from jobs.contract.errors import InternalError, InvalidRequestError, ModelPressError, StorageError
from jobs.state.objects import AccessRefusedError, ObjectMissingError
from service.errors import (
    BadRequestError,
    HttpError,
    InvalidFieldsError,
    MethodNotAllowedError,
    NotFoundError,
    NotReadyError,
    PayloadTooLargeError,
    UnauthorizedError,
    UnsupportedMediaTypeError,
)
from service.rendering import page

PROBLEM = "application/problem+json"
API = "/v1/"
RETRY_AFTER_S = 2
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

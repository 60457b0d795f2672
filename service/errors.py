"""The errors that only a web server can say; what both sides can say is in `jobs.contract.errors`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from jobs.contract.errors import InvalidRequestError, ModelPressError

REALM = "modelpress"


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

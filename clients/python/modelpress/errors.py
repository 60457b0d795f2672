"""Everything this client raises: one tree.

    ModelPressError
    ├── ConfigurationError          no base URL or no API key
    ├── UploadRefusedError          a local path that is missing, empty or only pickled
    ├── NetworkError                the service or the store could not be reached, or the connection broke
    ├── ApiError                    the service answered with a problem: status, code, detail, retryable, request_id
    │   ├── AuthenticationError     401, 403
    │   ├── NotFoundError           404, 410
    │   │   └── NotReadyError       the job has not ended yet: no report and no artifacts so far
    │   ├── ConflictError           409
    │   ├── InvalidRequestError     400, 413, 415, 422: see ``errors`` for the fields
    │   ├── RateLimitedError        429
    │   └── ServiceUnavailableError 502, 503, 504
    ├── StorageError                the object store refused a presigned URL
    ├── WaitTimeoutError            your own timeout ran out, the job goes on; also a ``TimeoutError``
    ├── JobFailedError              the job ended without a result: code, message, stage
    ├── WebhookVerificationError    a message that calls itself ours is not signed, or too old
    └── IntegrityError              what arrived is not what the manifest promised
        └── UnsafeNameError         a file name in a manifest that leads out of the folder

A service newer than this client may send codes that are not known here: they arrive as the class of their HTTP status,
or as plain ``ApiError``, with ``code`` as sent.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


class ModelPressError(Exception):
    """Base of every error of this client."""


class ConfigurationError(ModelPressError):
    """The client was not told where the service is or who is asking."""


class UploadRefusedError(ModelPressError):
    """A local path cannot be uploaded; nothing was sent."""


class NetworkError(ModelPressError):
    """No usable answer came, also after the retries that were allowed."""


class StorageError(ModelPressError):
    """The object store answered a presigned URL with an error.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class WaitTimeoutError(ModelPressError, TimeoutError):
    """The caller's own timeout ran out; the job itself goes on."""


class JobFailedError(ModelPressError):
    """The job ended without a result.

    Attributes:
        code: stable snake_case name of the failure, the state's name where the job was cancelled or expired.
        message: what was expected, what came and what to do.
        stage: where in the pipeline it happened, if the service said so.
    """

    def __init__(self, code: str, message: str, stage: str | None = None) -> None:
        self.code = code
        self.message = message
        self.stage = stage
        where = f" during {stage}" if stage else ""
        super().__init__(f"{code}{where}: {message}")


class WebhookVerificationError(ModelPressError):
    """A message is not signed with the endpoint's secret, or is more than five minutes old or early."""


class IntegrityError(ModelPressError):
    """A downloaded file does not have the size or the SHA-256 that the manifest promises."""


class UnsafeNameError(IntegrityError):
    """A file name that would be written outside the folder of the download."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field of a request.

    Attributes:
        pointer: JSON pointer (RFC 6901) to the field, such as ``/steps/0/technique``, or a query parameter's name.
        detail: what is wrong with it.
    """

    pointer: str
    detail: str


class ApiError(ModelPressError):
    """The service answered with an error, a problem document of RFC 9457.

    Attributes:
        status: the HTTP status.
        code: stable snake_case name of the problem; ``http_<status>`` where the answer is no problem document.
        detail: what was expected, what came and what to do.
        retryable: whether the very same request may succeed later.
        request_id: names the request in the service's log, if the service gave one.
        errors: the wrong fields of the request.
        retry_after_s: how long the service asks to wait before the next try [s]; 0 where it does not say.
    """

    def __init__(self, status: int, problem: dict[str, Any], retry_after_s: float = 0.0) -> None:
        self.status = status
        self.retry_after_s = retry_after_s
        self.code = str(problem.get("code") or f"http_{status}")
        self.detail = str(problem.get("detail") or problem.get("title") or _phrase(status))
        self.retryable = problem.get("retryable") is True
        self.request_id: str | None = problem.get("request_id")
        self.errors = tuple(_field_errors(problem.get("errors")))
        untold = [error for error in self.errors if error.detail not in self.detail]
        fields = "".join(f"\n  {error.pointer}: {error.detail}" for error in untold)
        super().__init__(f"{status} {self.code}: {self.detail}{fields}")


class AuthenticationError(ApiError):
    """The API key is missing, wrong, or not allowed to do this."""


class NotFoundError(ApiError):
    """There is no such thing, or it is gone, or it belongs to somebody else."""


class NotReadyError(NotFoundError):
    """The job has not ended yet; ``Job.wait`` first."""


class ConflictError(ApiError):
    """The thing is in a state that does not allow this."""


class InvalidRequestError(ApiError):
    """The request itself is wrong; sending it again will not help."""


class RateLimitedError(ApiError):
    """Too many requests, also after the retries that were allowed."""


class ServiceUnavailableError(ApiError):
    """The service cannot answer at the moment, also after the retries that were allowed."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitedError,
    502: ServiceUnavailableError,
    503: ServiceUnavailableError,
    504: ServiceUnavailableError,
}
_BY_CODE: dict[str, type[ApiError]] = {"report_not_ready": NotReadyError}


def api_error(status: int, problem: object, retry_after_s: float = 0.0) -> ApiError:
    """Return the error that stands for an answer with *status* and the JSON body *problem*."""
    document = problem if isinstance(problem, dict) else {}
    error = _BY_CODE.get(str(document.get("code"))) or _BY_STATUS.get(status, ApiError)
    return error(status, document, retry_after_s)


def _field_errors(listed: object) -> list[FieldError]:
    entries = listed if isinstance(listed, list) else []
    return [
        FieldError(str(entry.get("pointer") or entry.get("parameter") or ""), str(entry.get("detail", "")))
        for entry in entries
        if isinstance(entry, dict)
    ]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"

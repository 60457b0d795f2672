"""Exit codes: what a pipeline learns without reading a word."""

from enum import IntEnum

from modelpress.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    IntegrityError,
    InvalidRequestError,
    JobFailedError,
    ModelPressError,
    NotFoundError,
    NotReadyError,
    UploadRefusedError,
    WaitTimeoutError,
)

CANCELLED_STATE = "cancelled"


class Code(IntEnum):
    """One number for each way to end; those above 63 are the ones that ``sysexits.h``, timeout(1) and shells use."""

    SUCCEEDED = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 3
    GATE_NOT_MET = 4
    UNAVAILABLE = 69
    INTERNAL = 70
    NOT_YET = 75
    REFUSED = 77
    UNCONFIGURED = 78
    TIMEOUT = 124
    INTERRUPTED = 130


MEANINGS = {
    Code.SUCCEEDED: "done; after waiting: the job succeeded, and every gate is met",
    Code.FAILED: "the job failed or expired, or files are not what was made",
    Code.USAGE: "the command line, a file it names or the request is wrong; nothing was started",
    Code.CANCELLED: "the job was cancelled",
    Code.GATE_NOT_MET: "the job succeeded, but a `--require` is not met",
    Code.UNAVAILABLE: "service or store cannot be reached or cannot answer now, or an extra is not installed",
    Code.INTERNAL: "a fault of the command itself",
    Code.NOT_YET: "the job has not ended; `--wait` waits for it",
    Code.REFUSED: "the key is wrong, or may not do this",
    Code.UNCONFIGURED: "no address or no key is known, or no such profile",
    Code.TIMEOUT: "the `--timeout` ran out; the job goes on",
    Code.INTERRUPTED: "Ctrl-C; the job, if there is one already, goes on",
}

_BY_ERROR: tuple[tuple[type[ModelPressError], Code], ...] = (
    (ConfigurationError, Code.UNCONFIGURED),
    (WaitTimeoutError, Code.TIMEOUT),
    (IntegrityError, Code.FAILED),
    (AuthenticationError, Code.REFUSED),
    (UploadRefusedError, Code.USAGE),
    (InvalidRequestError, Code.USAGE),
    (NotReadyError, Code.NOT_YET),
    (NotFoundError, Code.USAGE),
    (ConflictError, Code.USAGE),
)


def of_state(state: str) -> Code:
    """Return the exit code for a job that ended in *state*, known here or not."""
    return {"succeeded": Code.SUCCEEDED, CANCELLED_STATE: Code.CANCELLED}.get(state, Code.FAILED)


def of_error(error: ModelPressError) -> Code:
    """Return the exit code for *error*."""
    if isinstance(error, JobFailedError):
        return of_state(error.code)
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), Code.UNAVAILABLE)


def error_document(error: BaseException, code: Code) -> dict[str, object]:
    """Return what ``--json`` says of *error*, in the service's own words where it has them."""
    said: dict[str, object] = {"code": getattr(error, "code", code.name.lower()), "message": str(error)}
    if isinstance(error, ApiError):
        wrong = [{"pointer": each.pointer, "detail": each.detail} for each in error.errors]
        said |= {"message": error.detail, "status": error.status, "request_id": error.request_id, "errors": wrong}
    return {"error": said | {"exit_code": int(code)}}

"""Every failure a caller can see: one tree, one table of codes.

    ModelPressError
    ├── InvalidRequestError       what was asked cannot be done: never retried
    │   ├── InvalidUriError
    │   ├── ModelNotFoundError
    │   ├── DataNotFoundError
    │   ├── DataUnreadableError
    │   ├── UnsafeFormatError
    │   ├── CorruptCheckpointError
    │   ├── UnsupportedModelError
    │   ├── NotApplicableError
    │   ├── RankDoesNotPayError
    │   ├── TargetUnreachableError
    │   ├── NothingChangedError
    │   ├── DataRequiredError
    │   ├── UploadConflictError
    │   ├── KeyReusedError
    │   ├── ReceiverRefusedError
    │   └── WebhookConflictError
    ├── VerificationError         a cut or the reload gives another output: never published
    ├── LimitExceededError        run or queue timeout, memory, disk
    ├── CancelledError            the caller changed their mind
    ├── LeaseLostError            a newer attempt owns the job; this one must stop writing
    ├── QuotaExceededError        the tenant has enough under way; worth another try
    ├── BeyondQuotaError          the tenant may not have this at all
    ├── RequestInFlightError      the same request is being answered; worth another try
    ├── StorageError              the store failed; worth another try
    ├── QueueError                the queue failed; worth another try
    └── InternalError             our fault

A job that fails says ``{code, message, stage, retryable, attempt}``; an HTTP error is a problem document with the
same ``code``. The ``stage`` is what was under way: ``queue`` (waiting), ``fetch``, ``load`` (opening and trying the
model, reading the data, choosing steps for a target), the name of the technique while its step runs, ``evaluate``,
``recover``, ``write``, ``export``, ``profile`` or ``publish``. Progress also has ``compress``, between two steps.

Codes are API: they are documented in ``docs/errors.md`` and never change their meaning.
"""

from typing import ClassVar


class ModelPressError(Exception):
    """Base of every error that carries a stable ``code``.

    Attributes:
        code: stable snake_case name, part of the API.
        status: the HTTP status when it reaches a caller directly.
        retryable: whether the very same request may succeed later.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    @property
    def message(self) -> str:
        """Return the text that says what was expected, what came and what to do."""
        return str(self)


class InvalidRequestError(ModelPressError):
    """What was asked cannot be done; asking again will not help."""

    code = "invalid_request"
    status = 422


class InvalidUriError(InvalidRequestError):
    """A model or data reference is not one of the accepted forms."""

    code = "invalid_uri"


class ModelNotFoundError(InvalidRequestError):
    """The bucket, prefix, upload, repository or file of the model does not exist or holds no checkpoint."""

    code = "model_not_found"


class DataNotFoundError(InvalidRequestError):
    """The bucket, prefix or file of the data does not exist or holds nothing readable."""

    code = "data_not_found"


class DataUnreadableError(InvalidRequestError):
    """The data is there, but cannot be read as text, audio or images."""

    code = "data_unreadable"


class UnsafeFormatError(InvalidRequestError):
    """The checkpoint is pickled, or wants to run its own code."""

    code = "unsafe_format"


class CorruptCheckpointError(InvalidRequestError):
    """The checkpoint's files do not hold together: truncated, overlapping, or not what the config says."""

    code = "corrupt_checkpoint"


class UnsupportedModelError(InvalidRequestError):
    """No anatomy is known for this architecture, and none could be found and proven."""

    code = "unsupported_model"


class NotApplicableError(InvalidRequestError):
    """The technique exists and the model is supported, but not together."""

    code = "not_applicable"


class RankDoesNotPayError(InvalidRequestError):
    """An explicit rank would make a matrix larger, not smaller."""

    code = "rank_does_not_pay"


class TargetUnreachableError(InvalidRequestError):
    """No allowed compression reaches the asked-for size."""

    code = "target_unreachable"


class NothingChangedError(InvalidRequestError):
    """The steps would leave the model exactly as it is."""

    code = "nothing_changed"


class DataRequiredError(InvalidRequestError):
    """A step learns from data, and the request has none."""

    code = "data_required"


class UploadConflictError(InvalidRequestError):
    """The files of an upload do not fit together or into the store, or are not those that were announced and sent."""

    code = "upload_conflict"
    status = 409


class KeyReusedError(InvalidRequestError):
    """The ``Idempotency-Key`` came with another request before, or what it made is gone; use a new key."""

    code = "idempotency_key_reused"


class ReceiverRefusedError(InvalidRequestError):
    """Webhooks are not sent there: only to https, on port 443, of a host with a public name and public addresses."""

    code = "receiver_refused"
    status = 409


class WebhookConflictError(InvalidRequestError):
    """There is no such webhook endpoint to tell of the job, there are too many, or it is switched off."""

    code = "webhook_conflict"
    status = 409


class NoPointSucceededError(InvalidRequestError):
    """None of a landscape's points came to a result; each point's job says why."""

    code = "no_point_succeeded"


class VerificationError(ModelPressError):
    """A cut model, or the written artifact read back, does not give the output that it must: nothing is published."""

    code = "verification_failed"


class LimitExceededError(ModelPressError):
    """A limit of time, memory or disk was reached."""

    code = "limit_exceeded"
    status = 422


class CancelledError(ModelPressError):
    """The caller cancelled the job."""

    code = "cancelled"
    status = 409


class LeaseLostError(ModelPressError):
    """A newer attempt owns the job: this one must not write any more."""

    code = "lease_lost"
    status = 409


class QuotaExceededError(ModelPressError):
    """The tenant has as much under way as it may have; it can have more once some of it has ended."""

    code = "quota_exceeded"
    status = 429
    retryable = True


class BeyondQuotaError(ModelPressError):
    """The tenant may not have this: it asks for more than a quota allows, or has stored too much."""

    code = "beyond_quota"
    status = 403


class RequestInFlightError(ModelPressError):
    """A request with this ``Idempotency-Key`` is being answered at this moment; ask again for its answer."""

    code = "request_in_flight"
    status = 409
    retryable = True


class StorageError(ModelPressError):
    """The object store failed or timed out."""

    code = "storage_unavailable"
    status = 503
    retryable = True


class QueueError(ModelPressError):
    """The queue failed or timed out."""

    code = "queue_unavailable"
    status = 503
    retryable = True


class InternalError(ModelPressError):
    """A fault of ours; the log of the worker has the details."""


def every_error() -> list[type[ModelPressError]]:
    """Return every class of the tree, parents first."""
    found: list[type[ModelPressError]] = [ModelPressError]
    for error in found:
        found.extend(error.__subclasses__())
    return found

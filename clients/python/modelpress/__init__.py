"""Client of ModelPress, compression as a service for self-supervised Transformers.

``ModelPress`` speaks with the service. ``load`` and ``verify`` open what it gives back, and need the extra ``[torch]``;
nothing else here imports torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelpress.client import ModelPress
from modelpress.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    FieldError,
    IntegrityError,
    InvalidRequestError,
    JobFailedError,
    ModelPressError,
    NetworkError,
    NotFoundError,
    NotReadyError,
    RateLimitedError,
    ServiceUnavailableError,
    StorageError,
    UnsafeNameError,
    UploadRefusedError,
    WaitTimeoutError,
    WebhookVerificationError,
)
from modelpress.job import Job
from modelpress.records import Event, Manifest, Record
from modelpress.report import Report
from modelpress.settings import Settings
from modelpress.transport import Retry
from modelpress.uploads import UploadWarning

if TYPE_CHECKING:
    from modelpress.loading import load, verify

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "AuthenticationError",
    "ConfigurationError",
    "ConflictError",
    "Event",
    "FieldError",
    "IntegrityError",
    "InvalidRequestError",
    "Job",
    "JobFailedError",
    "Manifest",
    "ModelPress",
    "ModelPressError",
    "NetworkError",
    "NotFoundError",
    "NotReadyError",
    "RateLimitedError",
    "Record",
    "Report",
    "Retry",
    "ServiceUnavailableError",
    "Settings",
    "StorageError",
    "UnsafeNameError",
    "UploadRefusedError",
    "UploadWarning",
    "WaitTimeoutError",
    "WebhookVerificationError",
    "load",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in {"load", "verify"}:
        return getattr(import_module("modelpress.loading"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

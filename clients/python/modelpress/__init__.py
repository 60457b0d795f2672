"""Client of ModelPress, compression as a service for self-supervised Transformers.

``ModelPress`` speaks with the service, and ``AsyncModelPress`` does the same without keeping others waiting.
``load`` and ``verify`` open what it gives back, and need the extra ``[torch]``; nothing else here imports torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelpress._sync.client import ModelPress
from modelpress._sync.job import Job
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
from modelpress.listing import UploadWarning
from modelpress.records import Event, Manifest, Record
from modelpress.report import Report
from modelpress.retrying import Retry
from modelpress.settings import Settings

if TYPE_CHECKING:
    from modelpress._async.client import AsyncModelPress
    from modelpress._async.job import AsyncJob
    from modelpress.loading import load, verify

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "AsyncJob",
    "AsyncModelPress",
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


_LATE = {
    "AsyncJob": "modelpress._async.job",
    "AsyncModelPress": "modelpress._async.client",
    "load": "modelpress.loading",
    "verify": "modelpress.loading",
}
"""Where to find what not everybody needs, so that nobody waits for it in vain."""


def __getattr__(name: str) -> Any:
    if name in _LATE:
        try:
            return getattr(import_module(_LATE[name]), name)
        except ModuleNotFoundError as error:
            message = f'modelpress.{name} needs the extra [torch]: pip install "modelpress-client[torch]" ({error}).'
            raise ImportError(message) from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The one place where botocore's errors become the project's own."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from jobs.contract.errors import StorageError
from jobs.state.objects import AccessRefusedError, ObjectMissingError

_MISSING = {"NoSuchKey", "NoSuchBucket", "NoSuchUpload", "NotFound", "404", "InvalidBucketName", "KeyTooLongError"}
_WRONG_PARTS = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall"}
_REFUSED = {"AccessDenied", "AllAccessDisabled", "403"}


@contextmanager
def storage_errors() -> Iterator[None]:
    """Translate what botocore raises, here and nowhere else."""
    try:
        yield
    except ClientError as error:
        raise _translated(error) from error
    except BotoCoreError as error:
        raise StorageError(
            f"The object store did not answer as expected ({type(error).__name__}); try again."
        ) from error


def _translated(error: ClientError) -> Exception:
    code, operation = error.response.get("Error", {}).get("Code", "unknown"), error.operation_name
    if code in _MISSING:
        return ObjectMissingError(f"{operation}: no such object, upload or bucket ({code}).")
    if code in _WRONG_PARTS:
        return ObjectMissingError(f"{operation}: a part was not uploaded, is too small, or has another etag.")
    if code in _REFUSED:
        return AccessRefusedError(f"{operation}: the service may not do this in that bucket ({code}).")
    return StorageError(f"The object store failed at {operation} ({code}); try again.")

"""Whatever botocore raises reaches callers as one of three errors of our own."""

import inspect

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from jobs.contract.errors import StorageError
from jobs.state.objects import AccessRefusedError, ObjectMissingError
from jobs.state.storage import storage_errors

OURS = [
    each
    for _, each in inspect.getmembers(botocore.exceptions, inspect.isclass)
    if issubclass(each, BotoCoreError) and each.__module__ == botocore.exceptions.__name__
]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_of_botocore_is_translated(kind: type[BotoCoreError]) -> None:
    """Each exception class of botocore becomes a StorageError, which is worth another try."""
    with pytest.raises(StorageError), storage_errors():
        raise kind.__new__(kind)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("NoSuchKey", ObjectMissingError),
        ("NoSuchBucket", ObjectMissingError),
        ("NoSuchUpload", ObjectMissingError),
        ("404", ObjectMissingError),
        ("InvalidBucketName", ObjectMissingError),
        ("KeyTooLongError", ObjectMissingError),
        ("InvalidPart", ObjectMissingError),
        ("EntityTooSmall", ObjectMissingError),
        ("AccessDenied", AccessRefusedError),
        ("403", AccessRefusedError),
        ("SlowDown", StorageError),
        ("InternalError", StorageError),
        ("SignatureDoesNotMatch", StorageError),
        ("BadDigest", StorageError),
    ],
)
def test_what_the_store_answers_is_told_apart(code: str, expected: type[Exception]) -> None:
    """Missing, refused and failed are three different things."""
    with pytest.raises(expected, match="part" if code in {"InvalidPart", "EntityTooSmall"} else code), storage_errors():
        raise ClientError({"Error": {"Code": code, "Message": "…"}}, "GetObject")


def test_other_errors_pass() -> None:
    """What is not the store's stays what it is."""
    with pytest.raises(ZeroDivisionError), storage_errors():
        _ = 1 / 0

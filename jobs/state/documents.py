"""Documents in the store, read so that one that nobody can make sense of costs nobody else anything.

Whatever may lie there (a former release's, a newer one's, what an operator edited by hand), who reads one document is
told in one way that it is not what it should be, and who goes through many leaves that one out.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.contract.errors import StorageError
from jobs.contract.spec import Json
from jobs.state.objects import ObjectMissingError, ObjectStore

_OTHERWISE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
"""What reading raises where a document has another shape."""


class UnreadableDocumentError(StorageError):
    """What lies there is no JSON object, or lacks what belongs in it."""


def read_document(store: ObjectStore, key: str) -> Json | None:
    """Return the JSON object at *key*, None where nothing is.

    Raises:
        UnreadableDocumentError: there is something else.
    """
    try:
        content = store.get(key)
    except ObjectMissingError:
        return None
    return parse_document(content, key)


def parse_document(content: bytes | str, key: str) -> Json:
    """Return the JSON object that was read at *key*; raises as ``read_document``."""
    with making_sense_of(key):
        document: Json = json.loads(content)
        if not isinstance(document, dict):
            raise TypeError(type(document).__name__)
    return document


@contextmanager
def making_sense_of(key: str) -> Iterator[None]:
    """Say of what the block reads out of the document at *key* that it is not there, where it is not.

    Raises:
        UnreadableDocumentError: a field is missing, or has another type.
    """
    try:
        yield
    except _OTHERWISE as error:
        raise UnreadableDocumentError(
            f"Expected at {key} what this service writes there; got something else ({type(error).__name__}: "
            f"{str(error)[:80]}). Whoever runs it should restore or remove the object."
        ) from error

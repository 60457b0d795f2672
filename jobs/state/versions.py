"""The schemas of what is written down, so that releases of before and after can work side by side.

Each document says its ``schema``, ``modelpress/{kind}/v{number}``. A field that older releases may overlook is simply
added; a document that they would misunderstand, and only such a one, says a higher number. Whoever meets a number that
it does not know leaves the document to others; one that says nothing is of before there were numbers.
"""

from jobs.contract.errors import StorageError
from jobs.contract.spec import Json
from jobs.state.documents import UnreadableDocumentError

KNOWN = {"request": 1, "claim": 1, "outcome": 1, "upload": 1, "key": 1, "webhook": 1, "delivery": 1}
"""The highest number of each kind that this release writes and reads."""


class NewerDocumentError(StorageError):
    """A newer release wrote it, and only such a one can read it."""


def schema_of(kind: str) -> str:
    """Return the schema of the documents of *kind* that this release writes."""
    return f"modelpress/{kind}/v{KNOWN[kind]}"


def readable(document: Json, kind: str) -> Json:
    """Return *document* as it is.

    Raises:
        NewerDocumentError: this release does not know its schema.
        UnreadableDocumentError: it is none.
    """
    said = document.get("schema") or f"modelpress/{kind}/v1"
    if not isinstance(said, str):
        raise UnreadableDocumentError(f"Expected a schema like {schema_of(kind)}; got {str(said)[:40]}.")
    family, _, number = said.rpartition("/v")
    if family != f"modelpress/{kind}" or not number.isdecimal() or int(number) > KNOWN[kind]:
        raise NewerDocumentError(f"Expected {schema_of(kind)} or older; got {said}, which a newer release can read.")
    return document

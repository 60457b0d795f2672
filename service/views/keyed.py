"""Requests that a caller may send twice and mean once: those with an ``Idempotency-Key``."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from flask import request

from jobs.contract.errors import InvalidRequestError
from jobs.state.idempotency import Asked
from service.auth import tenant
from service.errors import FieldError, InvalidFieldsError
from service.ports import services

T = TypeVar("T")
HEADER = "Idempotency-Key"
PATTERN = r'"([ !#-\[\]-~]|\\["\\]){1,255}"|[!#-~]([ -~]{0,253}[!-~])?'
"""A string of structured fields (RFC 9651), or the same without its quotes."""
IDEMPOTENCY_KEY = {
    "name": HEADER,
    "schema": {"type": "string", "pattern": f"^({PATTERN})$"},
    "description": "Your own name for this request, at most 255 characters, quoted or bare: sent again within at least "
    "24 hours, it is answered with what it made the first time. With another body or to another address the answer is "
    "422, and 409 while the first is being answered. What was refused is not remembered",
}
REPLAYED = {
    "Idempotency-Replayed": {
        "schema": {"type": "string", "const": "true"},
        "description": "There if an earlier request with this Idempotency-Key has made what is answered",
    }
}


def once(
    identifier: str, document: Any, *, find: Callable[[str], T | None], make: Callable[[str], T]
) -> tuple[T, dict[str, str]]:
    """Return what the request asks for, and the headers that say whether it was there already.

    Args:
        identifier: of what is made, unless an earlier request has begun to.
        document: the checked body.
        find: returns the thing with an id, or None.
        make: makes the thing with an id.
    """
    key = given_key()
    if key is None:
        return make(identifier), {}
    asked = Asked(tenant(), key, f"{request.method} {request.path}", document, identifier)
    made, replayed = services().idempotency.once(asked, find=find, make=make)
    return made, {"Idempotency-Replayed": "true"} if replayed else {}


def given_key() -> str | None:
    """Return the key of this request; quoted and bare are the same.

    Raises:
        InvalidFieldsError: it is none.
    """
    text = request.headers.get(HEADER)
    if text is None:
        return None
    key = re.sub(r'\\(["\\])', r"\1", text[1:-1]) if text.startswith('"') else text
    if re.fullmatch(PATTERN, text) is None:
        said = f"Expected 1 to 255 printable ASCII characters, quoted or bare; got {text[:80]!r}."
        raise InvalidFieldsError([FieldError(said, "parameter", HEADER, InvalidRequestError.code)])
    return key

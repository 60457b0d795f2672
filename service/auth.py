"""Who is calling: a bearer key, checked before anything of the request is read."""

from typing import cast

from flask import g, request

from service.errors import API, UnauthorizedError
from service.ports import services

ABOUT = "An API key, as `python -m service.keys create` prints it"


def require_key() -> None:
    """Find the tenant of a call to the API, whether or not the address exists.

    Raises:
        UnauthorizedError: the key is missing or unknown; both look the same.
    """
    if not request.path.startswith(API):
        return
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    found = services().keys.authenticate(key.strip()) if scheme.lower() == "bearer" and key.strip() else None
    if found is None:
        raise UnauthorizedError("Expected a known API key; send Authorization: Bearer <key>.")
    g.tenant = found


def tenant() -> str:
    """Return whose request this is."""
    return cast(str, g.tenant)

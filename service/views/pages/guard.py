"""Pages that take a session: who has none signs in first, and forms prove where they come from."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, g, request

from jobs.state.keys import Scope
from service import sessions
from service.auth import admit
from service.callers import Caller

SEE_OTHER = 303


class PrivatePages(Blueprint):
    """Views of whoever is signed in, with a key that may do this.

    Attributes:
        scope: as a blueprint of the API has it.
    """

    def __init__(self, name: str, import_name: str, scope: Scope | None = None, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.scope = scope
        self.before_request(require_session)


def require_session() -> Any:
    """Find whose session this is; without one the answer leads to the sign-in page."""
    session = sessions.current()
    if session is None:
        return see(
            "/login" + (f"?{urlencode({'next': request.full_path.rstrip('?')})}" if request.method == "GET" else "")
        )
    g.session = session
    admit(Caller.of(session.holder))
    if request.method == "POST":
        sessions.check_origin()
        sessions.check_token(session)
    return None


def see(address: str) -> Response:
    """Return the answer that leads to *address* after a form was taken."""
    return Response(status=SEE_OTHER, headers={"Location": address, "Cache-Control": "no-store"})


def local(address: str) -> str:
    """Return *address* if it is one of this site, else the first page."""
    parts = urlsplit(address)
    is_local = not parts.scheme and not parts.netloc and address.startswith("/") and "\\" not in address
    return address if is_local and address.isprintable() and not address.startswith("//") else "/"

"""Who is looking at the pages: a signed cookie that names an API key, and is good for nothing once the key is gone."""

import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from flask import Response, request
from itsdangerous import BadSignature, TimestampSigner

from jobs.state.keys import Holder
from service.errors import ForeignFormError
from service.ports import services

TOKEN = "form_token"  # noqa: S105 - the name of a field


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that somebody signed in with.

    Attributes:
        holder: of the key that opened it.
        form_token: what each of its forms sends back.
    """

    holder: Holder
    form_token: str = field(repr=False)


def begin(response: Response, holder: Holder) -> None:
    """Make *response* open a session for *holder*."""
    response.set_cookie(
        _cookie(),
        _signer(holder).sign(holder.key_id).decode(),
        max_age=services().settings.page_session_s,
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def end(response: Response) -> None:
    """Make *response* close the session of this browser."""
    response.delete_cookie(_cookie(), secure=request.is_secure, httponly=True, samesite="Strict")


def current() -> Session | None:
    """Return the session of this request: None without one, and when its time is over or its key revoked."""
    text = request.cookies.get(_cookie(), "")
    holder = services().keys.holder(text.partition(".")[0])
    if holder is None:
        return None
    try:
        _signer(holder).unsign(text, max_age=services().settings.page_session_s)
    except BadSignature:
        return None
    return Session(holder, hmac.new(text.encode(), b"form", hashlib.sha256).hexdigest())


def check_origin() -> None:
    """Refuse a form that another site sends.

    Raises:
        ForeignFormError: the browser names another site, or none.
    """
    origin = request.headers.get("Origin", "")
    if urlsplit(origin).netloc != request.host:
        raise ForeignFormError(f"Expected a form of {request.host}; got one of {origin[:128] or 'nowhere'}.")


def check_token(session: Session) -> None:
    """Refuse a form that none of the session's pages has made.

    Raises:
        ForeignFormError: its token is missing or another's.
    """
    if not hmac.compare_digest(request.form.get(TOKEN, "").encode(), session.form_token.encode()):
        raise ForeignFormError("Expected the token of this session; open the page again and send its form.")


def _signer(holder: Holder) -> TimestampSigner:
    """Return what signs the sessions of one key: nobody's secret signs anybody else's."""
    secret = services().settings.page_secret + holder.sha256
    return TimestampSigner(secret, salt="modelpress page", key_derivation="hmac", digest_method=hashlib.sha256)


def _cookie() -> str:
    """Return the cookie's name; over HTTPS, one that only this host over HTTPS can have set."""
    return "__Host-modelpress" if request.is_secure else "modelpress"

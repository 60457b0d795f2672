"""Who is calling and what they may do: checked before anything of the request is read.

What a call needs is said once: looking needs ``read``, anything else ``write``, unless the blueprint names a scope.
"""

from typing import cast

from flask import Request, current_app, g, request

from jobs.state.keys import KEY_PREFIX, Holder, Scope
from jobs.telemetry.logs import bind
from service.callers import Caller
from service.errors import InsufficientScopeError, TooManyRequestsError, UnauthorizedError
from service.limiting import SHUT_S, WINDOW_S, Standing
from service.ports import services
from service.problems import API

ABOUT = (
    "An API key, as `python -m service.keys create` prints it, or a token of the identity provider where one is "
    "configured. It must have the scope that the operation names: "
    "`read` to look, `write` to ask for work and stop it, `admin` to change what others are told."
)
STANDING = "modelpress.standing"
"""Where a call says how its caller stands with their limit, if it was counted already."""
LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})


def require_key() -> None:
    """Find the tenant of a call to the API, whether or not the address exists.

    Raises:
        UnauthorizedError: the key is missing, unknown or over; all look the same.
        InsufficientScopeError: the key is good, but not for this.
        TooManyRequestsError: the tenant calls too often, or the address without a good key does.
    """
    if request.path.startswith(API):
        admit(_identified(request))


def admit(caller: Caller) -> None:
    """Let *caller* do what this request asks for.

    Raises:
        InsufficientScopeError: it is not theirs to do.
        TooManyRequestsError: they call too often.
    """
    g.caller = caller
    g.standing = standing = _standing(caller.tenant)
    if standing is not None and standing.refused:
        raise TooManyRequestsError(
            f"Expected at most {standing.limit} requests of a tenant in {WINDOW_S} s; this was one more.",
            standing.resets_s,
        )
    bind(**caller.ids())
    needed = scope_of(request.method, request.blueprint)
    if needed not in caller.scopes:
        raise InsufficientScopeError(needed, caller.scopes)


def scope_of(method: str, blueprint: str | None) -> Scope:
    """Return what a call needs."""
    named: Scope | None = getattr(current_app.blueprints.get(blueprint or ""), "scope", None)
    return named or needed_by(method)


def needed_by(method: str) -> Scope:
    """Return what a call by *method* needs where nothing else is said."""
    return Scope.READ if method.upper() in LOOKING else Scope.WRITE


def caller() -> Caller:
    """Return who sends this request."""
    return cast(Caller, g.caller)


def tenant() -> str:
    """Return whose request this is."""
    return caller().tenant


def bearer(authorization: str) -> str:
    """Return the credential of an Authorization header, or the empty text."""
    scheme, _, credential = authorization.partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


def _standing(tenant: str) -> Standing | None:
    counted: Standing | None = request.environ.get(STANDING)
    return counted or services().limits.count(tenant)


def _identified(sent: Request) -> Caller:
    credential = bearer(sent.headers.get("Authorization", ""))
    found = _caller_by(credential) if credential else None
    if found is None:
        count_failure()
        raise UnauthorizedError("Expected a known API key; send Authorization: Bearer <key>.")
    return found


def _caller_by(credential: str) -> Caller | None:
    tokens = services().tokens
    if tokens is not None and not credential.startswith(KEY_PREFIX):
        return tokens.identify(credential)
    holder = key_holder(credential)
    return Caller.of(holder) if holder else None


def key_holder(key: str) -> Holder | None:
    """Return who holds *key*; from an address that guesses, only a key that is in use is looked up."""
    return services().keys.identify(key, seek=not services().limits.is_shut(request.remote_addr or ""))


def count_failure() -> None:
    """Count a request without a good key.

    Raises:
        TooManyRequestsError: its address has sent too many.
    """
    if services().limits.fail(request.remote_addr or ""):
        raise TooManyRequestsError(
            f"Expected fewer requests without a good key from one address in {WINDOW_S} s.", round(SHUT_S)
        )

"""Signing in with an API key, and out again."""

from flask import Blueprint, Response, request

from jobs.state.keys import Scope
from service import sessions
from service.auth import count_failure, key_holder
from service.rendering import page
from service.views.pages.guard import PrivatePages, local, see

blueprint = Blueprint("sign_in", __name__)
leaving = PrivatePages("sign_out", __name__, scope=Scope.READ)
UNKNOWN = "Expected a known API key, as python -m service.keys create prints it."


@blueprint.get("/login")
def show_form() -> Response:
    """Return the form that asks for a key."""
    return page("sign_in.html", next=local(request.args.get("next", "/")), error=None)


@blueprint.post("/login")
def sign_in() -> Response:
    """Begin a session, or ask again."""
    sessions.check_origin()
    holder, back = key_holder(request.form.get("key", "").strip()), local(request.form.get("next", "/"))
    if holder is None:
        count_failure()
        return page("sign_in.html", 422, next=back, error=UNKNOWN)
    response = see(back)
    sessions.begin(response, holder)
    return response


@leaving.post("/logout")
def sign_out() -> Response:
    """End the session."""
    response = see("/login")
    sessions.end(response)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response

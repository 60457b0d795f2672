"""Pages for people: templates of the project's own, under a policy that lets nothing else run."""

from typing import Any

from flask import Response, render_template, request

HTML = "text/html; charset=utf-8"
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",  # without a referrer, browsers do not say where a form comes from
}


def page(template: str, status: int = 200, **values: Any) -> Response:
    """Return the page that *template* makes of *values*."""
    return Response(render_template(template, **values), status, HEADERS, content_type=HTML)


def live_page(template: str, **values: Any) -> Response:
    """Return the page, or for a script that keeps it current only the part of it that changes."""
    return page(template, bare="X-Fragment" in request.headers, **values)

"""The contract and a page to try it, from the project's own files."""

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from service.error_pages import as_html

blueprint = Blueprint("ui", __name__)
FOLDER = Path(__file__).parents[1] / "ui"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@blueprint.get("/docs")
def show_docs() -> Response:
    """Return the page."""
    response = send_from_directory(FOLDER, "docs.html")
    response.headers["Content-Security-Policy"] = POLICY
    return response


@blueprint.get("/docs/errors")
def show_errors() -> Response:
    """Return the table of error codes."""
    return Response(as_html(), content_type="text/html; charset=utf-8")


@blueprint.get("/docs/<any('swagger-ui.css', 'swagger-ui-bundle.js', 'start.js'):name>")
def show_file(name: str) -> Response:
    """Return a script or style of the page."""
    return send_from_directory(FOLDER / "swagger", name, max_age=3600)

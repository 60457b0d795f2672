"""Scripts and styles of the pages, which need no session."""

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

blueprint = Blueprint("files", __name__)
FOLDER = Path(__file__).parents[2] / "ui" / "static"


@blueprint.get("/static/<any('page.css', 'live.js', 'charts.js'):name>")
def show_file(name: str) -> Response:
    """Return a script or style."""
    return send_from_directory(FOLDER, name, max_age=600)

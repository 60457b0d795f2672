"""The charts of a landscape, drawn while its points come in."""

from flask import Blueprint, Response, send_from_directory

from jobs.landscape.html import LIBRARY, PAGE, SCRIPT, STYLE
from service.pages.jobs import row_of
from service.pages.landscapes import page_of
from service.rendering import live_page
from service.views.landscapes import landscape_of
from service.views.pages.guard import PrivatePages
from service.views.responses import job_of

blueprint = PrivatePages("landscape_pages", __name__)
charts = Blueprint("charts", __name__)
EVERY_S = 10
"""How often the page is brought up to date [s]: each time reads the report of every point."""


@blueprint.get("/landscapes/<job_id>")
def show_landscape(job_id: str) -> Response:
    """Return the page of a landscape."""
    job = job_of(job_id)
    report = landscape_of(job)
    files = {"library": LIBRARY, "script": SCRIPT, "style": STYLE}
    return live_page("landscape.html", row=row_of(job), view=page_of(report), report=report, every=EVERY_S, files=files)


@charts.get(f"/static/charts/<any('{LIBRARY}', '{SCRIPT}', '{STYLE}'):name>")
def show_file(name: str) -> Response:
    """Return a script or style of the charts."""
    return send_from_directory(PAGE, name, max_age=600)

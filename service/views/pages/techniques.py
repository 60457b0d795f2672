"""The catalogue, to read."""

from flask import Response

from jobs.contract.catalogue import catalogue
from service.pages.techniques import page_of
from service.rendering import page
from service.views.pages.guard import PrivatePages

blueprint = PrivatePages("technique_pages", __name__)


@blueprint.get("/techniques")
def show_techniques() -> Response:
    """Return every technique with its parameters."""
    return page("techniques.html", techniques=[page_of(entry) for entry in catalogue().values()])

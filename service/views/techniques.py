"""The catalogue."""

from typing import Any

from jobs.contract.catalogue import catalogue
from service.api import Blueprint
from service.errors import NotFoundError
from service.schemas.answers import Technique, TechniqueList

blueprint = Blueprint("techniques", __name__, url_prefix="/v1/techniques", description="What can be done to a model")


@blueprint.route("")
@blueprint.response(200, TechniqueList)
@blueprint.doc(operationId="listTechniques")
def list_techniques() -> dict[str, Any]:
    """List the techniques and their parameters."""
    return {"data": list(catalogue().values())}


@blueprint.route("/<name>")
@blueprint.response(200, Technique)
@blueprint.alt_response(404)
@blueprint.doc(operationId="getTechnique")
def get_technique(name: str) -> Any:
    """Show a technique and its parameters."""
    if name not in catalogue():
        raise NotFoundError(f"Expected one of {', '.join(catalogue())}; got {name[:64]!r}.")
    return catalogue()[name]

"""Whether the service lives and whether it can work."""

import logging
from collections.abc import Callable
from typing import Any

from jobs.contract.errors import ModelPressError
from service.api import Blueprint
from service.errors import NotReadyError
from service.ports import services
from service.schemas.answers import Health

blueprint = Blueprint("health", __name__, description="Whether the service lives and whether it can work")
log = logging.getLogger(__name__)


@blueprint.route("/livez")
@blueprint.response(200, Health)
@blueprint.doc(operationId="getLiveness", security=[])
def get_liveness() -> dict[str, Any]:
    """Say that the process answers; nothing else is touched."""
    return {"status": "ok", "checks": {}}


@blueprint.route("/readyz")
@blueprint.response(200, Health)
@blueprint.doc(operationId="getReadiness", security=[])
def get_readiness() -> dict[str, Any]:
    """Say whether queue and store answer; 503 `not_ready` names those that do not."""
    checks = {name: _try(name, probe) for name, probe in services().probes.items()}
    broken = [f"{name} ({said})" for name, said in checks.items() if said != "ok"]
    if broken:
        raise NotReadyError(f"Not ready: {', '.join(broken)}.")
    return {"status": "ok", "checks": checks}


def _try(name: str, probe: Callable[[], object]) -> str:
    try:
        probe()
    except (ModelPressError, LookupError, OSError) as error:
        log.warning("%s does not answer: %s", name, error)
        return type(error).__name__
    return "ok"

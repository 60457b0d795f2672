"""Write ``openapi.yaml`` from the code: ``python -m service.openapi [--check]``."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml

from jobs.telemetry.tracing import NoTracer
from service.app import create_app
from service.generated import keep_current
from service.ports import Services
from service.settings import ServiceSettings

PATH = Path(__file__).parents[1] / "openapi.yaml"
COMMAND = "python -m service.openapi"


def document() -> dict[str, Any]:
    """Return the contract; no collaborator is needed for it."""
    outside = SimpleNamespace(settings=ServiceSettings(), tracer=NoTracer())
    api = create_app(cast(Services, outside)).extensions["flask-smorest"]["apis"][""]["ext_obj"]
    said: dict[str, Any] = api.spec.to_dict()
    return {"openapi": said["openapi"], "info": said["info"], **said}


def render() -> str:
    """Return the text of the file: the same for the same code."""
    return f"# Written by `{COMMAND}`.\n" + yaml.dump(
        document(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or with ``--check`` only compare it; return the exit status."""
    return keep_current(PATH, render(), COMMAND, arguments)


class _Plain(yaml.SafeDumper):
    """Writes repeated values out instead of naming them."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return True: no anchors."""
        return True


if __name__ == "__main__":
    sys.exit(main())

"""Write ``openapi.yaml`` from the code: ``python -m service.openapi [--check]``."""

import argparse
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml

from service.app import create_app
from service.ports import Services
from service.settings import ServiceSettings

PATH = Path(__file__).parents[1] / "openapi.yaml"
COMMAND = "python -m service.openapi"


def document() -> dict[str, Any]:
    """Return the contract; no collaborator is needed for it."""
    outside = SimpleNamespace(settings=ServiceSettings())
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the file is not what the code says")
    text = render()
    if not parser.parse_args(arguments).check:
        PATH.write_text(text)
        return 0
    if PATH.exists() and PATH.read_text() == text:
        return 0
    sys.stderr.write(f"{PATH.name} is not what the code says. Run: {COMMAND}\n")
    return 1


class _Plain(yaml.SafeDumper):
    """Writes repeated values out instead of naming them."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return True: no anchors."""
        return True


if __name__ == "__main__":
    sys.exit(main())

"""What tenants may have: ``python -m service.tenants show NAME``, ``… set NAME --open-jobs 50``."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from jobs.contract.errors import ModelPressError
from jobs.state.opening import State
from jobs.state.settings import SettingsError, StateSettings
from jobs.state.tenants import Quotas, shown
from service.audit import note_command

DEFAULT = "default"


def main(arguments: list[str] | None = None) -> int:
    """Show or change a tenant's quotas in the store that the environment names; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        state = State.open(StateSettings.from_env())
        if options.command == "set":
            state.tenants.set(options.tenant, changes := _changes(options))
            note_command(state, options.tenant, f"set quotas {json.dumps(changes)}")
        told = {"quotas": shown(state.tenants.quotas(options.tenant)), "used": state.admission.usage(options.tenant)}
    except (ModelPressError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps({"tenant": options.tenant, **told}, indent=2) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service.tenants", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="print what a tenant may have and has")
    change = commands.add_parser("set", help=f"change what a tenant may have; '{DEFAULT}' goes back to the settings")
    for command in (show, change):
        command.add_argument("tenant")
    for each in fields(Quotas):
        kind: Callable[[str], Any] = _patterns if each.name == "buckets" else _number
        change.add_argument(f"--{each.name.replace('_', '-')}", type=kind, default=argparse.SUPPRESS)
    return parser


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    return {each.name: getattr(options, each.name) for each in fields(Quotas) if hasattr(options, each.name)}


def _number(text: str) -> int | None:
    return None if text == DEFAULT else int(text)


def _patterns(text: str) -> list[str] | None:
    return None if text == DEFAULT else [word.strip() for word in text.split(",") if word.strip()]


if __name__ == "__main__":
    sys.exit(main())

"""Hand out API keys: ``python -m service.keys create --tenant NAME`` prints a new one, which is never shown again."""

import argparse
import sys

from jobs.contract.errors import ModelPressError
from jobs.state.keys import Keys
from jobs.state.opening import State
from jobs.state.settings import SettingsError, StateSettings


def main(arguments: list[str] | None = None) -> int:
    """Make or remove a key in the store that the environment names; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m service.keys", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="print a new key")
    create.add_argument("--tenant", required=True, help="whose jobs it opens: a-z, 0-9 and '-'")
    create.add_argument("--name", default="", help="your own word for it")
    revoke = commands.add_parser("revoke", help="take a key away")
    revoke.add_argument("key", help="the key or its id")
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(_run(State.open(StateSettings.from_env()).keys, options))
    except (ModelPressError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _run(keys: Keys, options: argparse.Namespace) -> str:
    if options.command == "create":
        return keys.create(options.tenant, options.name) + "\n"
    keys.revoke(options.key)
    return ""


if __name__ == "__main__":
    sys.exit(main())

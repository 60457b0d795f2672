"""Hand out API keys: ``python -m service.keys create --tenant NAME`` prints a new one, which is never shown again."""

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

from jobs.contract.errors import ModelPressError
from jobs.state.keys import Holder, Keys, Scope, key_id_of
from jobs.state.opening import State
from jobs.state.records import format_time, utc_now
from jobs.state.settings import SettingsError, StateSettings
from service.audit import note_command

COLUMNS = ("id", "tenant", "name", "scopes", "created", "expires", "last used")
GRACE_HOURS = 24.0


def main(arguments: list[str] | None = None) -> int:
    """Make, list, rotate or remove keys in the store that the environment names; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        state = State.open(StateSettings.from_env())
        sys.stdout.write(_run(state, options))
    except (ModelPressError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service.keys", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="print a new key")
    create.add_argument("--tenant", required=True, help="whose jobs it opens: a-z, 0-9 and '-'")
    create.add_argument("--name", default="", help="your own word for it")
    create.add_argument("--scope", action="append", choices=[*Scope], help="what it may do; repeat it; default: all")
    create.add_argument("--days", type=float, help="how long it is good; default: until it is revoked")
    shown = commands.add_parser("list", help="show every key without its secret")
    shown.add_argument("--tenant", help="only this tenant's")
    rotate = commands.add_parser("rotate", help="print a new key like another, which ends after a grace period")
    rotate.add_argument("key", help="the old key or its id")
    rotate.add_argument("--grace-hours", type=float, default=GRACE_HOURS, help="how long the old one goes on")
    revoke = commands.add_parser("revoke", help="take a key away")
    revoke.add_argument("key", help="the key or its id")
    return parser


def _run(state: State, options: argparse.Namespace) -> str:
    keys = state.keys
    if options.command == "create":
        scopes, lasts = map(Scope, options.scope or Scope), options.days and timedelta(days=options.days)
        key = keys.create(options.tenant, options.name, scopes=[*scopes], lasts=lasts)
        note_command(state, options.tenant, f"create key {key_id_of(key)}")
        return key + "\n"
    if options.command == "list":
        found = (each for each in keys.all() if options.tenant in (None, each.tenant))
        return "".join("\t".join(row) + "\n" for row in (COLUMNS, *_rows(keys, found)))
    if options.command == "rotate":
        key, old = keys.rotate(options.key, timedelta(hours=options.grace_hours)), key_id_of(options.key)
        new = keys.holder(key_id_of(key))
        note_command(state, new.tenant if new else "", f"rotate key {old} to {key_id_of(key)}")
        return key + "\n"
    revoked = keys.revoke(options.key)
    note_command(state, revoked.tenant if revoked else "", f"revoke key {key_id_of(options.key)}")
    return ""


def _rows(keys: Keys, found: Iterator[Holder]) -> Iterator[tuple[str, ...]]:
    for each in found:
        ended = " (over)" if each.ended(utc_now()) else ""
        times = (_day(each.created_at), _day(each.expires_at) + ended, _day(keys.last_used(each.key_id)))
        yield each.key_id, each.tenant, each.name or "-", ",".join(sorted(each.scopes)), *times


def _day(moment: datetime | None) -> str:
    return format_time(moment) or "-"


if __name__ == "__main__":
    sys.exit(main())

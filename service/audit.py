"""Read who changed what: ``python -m service.audit [--day YYYY-MM-DD] [--tenant NAME]``, a line of JSON a change.

And write it: every call that may change something is noted once it has been answered, whoever was let in.
"""

import argparse
import getpass
import json
import sys
from datetime import date

from flask import Response, g, request

from jobs.contract.errors import ModelPressError
from jobs.state.opening import State
from jobs.state.records import utc_now
from jobs.state.settings import SettingsError, StateSettings
from service.auth import LOOKING
from service.callers import Caller
from service.ports import services


def note_call(response: Response) -> Response:
    """Note the call that *response* answers, if it may have changed something and its caller is known."""
    caller: Caller | None = g.get("caller")
    if caller is not None and request.method not in LOOKING:
        services().audit.note(
            who=caller.name,
            tenant=caller.tenant,
            what=f"{request.method} {request.path}",
            outcome=str(response.status_code),
            made=response.headers.get("Location", ""),
            address=request.remote_addr or "",
            request_id=g.request_id,
        )
    return response


def note_command(state: State, tenant: str, what: str) -> None:
    """Note what an operator has done by a command."""
    state.audit.note(who=f"operator:{getpass.getuser()}", tenant=tenant, what=what, outcome="done")


def main(arguments: list[str] | None = None) -> int:
    """Print notes from the store that the environment names; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m service.audit", description=__doc__)
    parser.add_argument("--day", type=date.fromisoformat, default=utc_now().date(), help="of UTC; default: today")
    parser.add_argument("--tenant", help="only this tenant's")
    options = parser.parse_args(arguments)
    try:
        for note in State.open(StateSettings.from_env()).audit.read(options.day.isoformat(), options.tenant):
            sys.stdout.write(json.dumps(note) + "\n")
    except (ModelPressError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

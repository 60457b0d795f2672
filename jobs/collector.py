"""``python -m jobs.collector``: says what is kept and need not be; with ``--delete`` it lets it go.

Run it from time to time, or once with ``--every``, beside anything: jobs under way are left alone
(``jobs.state.retention``).
"""

import argparse
import logging
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterable

from jobs.contract.errors import QueueError, StorageError
from jobs.state.objects import AccessRefusedError, ObjectMissingError
from jobs.state.opening import State
from jobs.state.retention import Finding, Reason, Retention
from jobs.state.settings import SettingsError, StateSettings
from jobs.telemetry.logs import configure, secrets_of
from jobs.telemetry.settings import TelemetrySettings

log = logging.getLogger("modelpress.collector")


def main(arguments: list[str]) -> int:
    """Print a line for each reason, and with ``--list`` each object; return 1 where the round was cut short."""
    parser = argparse.ArgumentParser(prog="python -m jobs.collector", description=__doc__)
    parser.add_argument("--delete", action="store_true", help="let it go; without it nothing is changed")
    parser.add_argument("--list", action="store_true", help="name each object")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="go round again so long after each end")
    options = parser.parse_args(arguments)
    try:
        settings = StateSettings.from_env()
        configure(TelemetrySettings.from_env(), secrets_of(settings))
    except SettingsError as error:
        sys.exit(str(error))
    state, stop = State.open(settings), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    retention = Retention(state.store, state.redis, uploads_s=settings.retention_s)
    status = _round(retention, options)
    while options.every is not None and not stop.wait(options.every):
        status = _round(retention, options)
    return status


def _round(retention: Retention, options: argparse.Namespace) -> int:
    try:
        _print(retention.collect(delete=options.delete), deleted=options.delete, named=options.list)
    except (QueueError, StorageError, ObjectMissingError, AccessRefusedError) as error:
        log.warning("The round was cut short: %s", error)
        return 1
    return 0


def _print(found: Iterable[Finding], *, deleted: bool, named: bool) -> None:
    objects, size = Counter[Reason](), Counter[Reason]()
    for each in found:
        objects[each.reason] += 1
        size[each.reason] += each.info.bytes
        if named:
            sys.stdout.write(f"{each.reason}\t{each.info.key}\n")
    for reason in Reason:
        sys.stdout.write(f"{reason}: {objects[reason]} objects, {size[reason]} bytes\n")
    sys.stdout.write("Deleted.\n" if deleted else "Nothing was changed; --delete lets it go.\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

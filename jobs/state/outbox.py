"""The names of the outbox's markers, which sort by time: ``outbox/{milliseconds}.{tenant}.{endpoint}.{delivery}``."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs.state.webhooks import ENDPOINT_ID

OUTBOX = "outbox/"
AGAIN = ".again"
"""Ends the marker of a delivery that its tenant wants once more."""
DELIVERY_ID = r"msg_[0-7][0-9A-HJKMNP-TV-Z]{25}"
_MARKER = re.compile(
    rf"outbox/(?P<at>[0-9]{{13}})\.(?P<tenant>.+)\.(?P<endpoint>{ENDPOINT_ID})\.(?P<delivery>{DELIVERY_ID})"
    r"(?P<again>\.again)?"
)
_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A marker in the outbox: *again* where the tenant asks for another delivery."""

    key: str
    at: datetime
    tenant: str
    endpoint: str
    delivery: str
    again: bool


def milliseconds(moment: datetime) -> int:
    """Return the time since 1970 [ms]."""
    return (moment - _EPOCH) // _MILLISECOND


def marker(at: datetime, tenant: str, endpoint: str, delivery: str) -> str:
    """Return the key of the marker of a *delivery* that is due *at* that moment."""
    return f"{OUTBOX}{milliseconds(at):013d}.{tenant}.{endpoint}.{delivery}"


def read_marker(key: str) -> Due | None:
    """Return what a marker reminds of; None of an object that is none of ours."""
    found = _MARKER.fullmatch(key)
    if found is None:
        return None
    at = _EPOCH + int(found["at"]) * _MILLISECOND
    return Due(key, at, found["tenant"], found["endpoint"], found["delivery"], again=bool(found["again"]))

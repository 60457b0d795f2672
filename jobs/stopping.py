"""The wish that this process end soon: its job stops where it can be taken up again, and goes back to the queue."""

import signal
from dataclasses import dataclass
from typing import Any


class StopWishedError(Exception):
    """The process is to end: the attempt stops here, and another goes on."""


@dataclass(slots=True)
class _Wish:
    uttered: bool = False

    def utter(self, *_: Any) -> None:
        self.uttered = True


_WISH = _Wish()


def listen() -> None:
    """Take SIGTERM as the wish, from now on."""
    signal.signal(signal.SIGTERM, _WISH.utter)


def wished() -> bool:
    """Return whether the process is to end."""
    return _WISH.uttered


def heed() -> None:
    """Return if the process may go on.

    Raises:
        StopWishedError: it is to end.
    """
    if wished():
        raise StopWishedError("The worker is told to stop.")

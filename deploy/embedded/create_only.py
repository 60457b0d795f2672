"""A filter for Swift's proxy that makes ``PUT`` with ``If-None-Match: *`` create an object exactly once.

Swift looks whether the object exists before it reads the body, so two such requests at the same moment may both
succeed. All requests pass the one proxy of the embedded store; here they pass one at a time for each path.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from eventlet.semaphore import Semaphore

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class CreateOnly:
    """The filter: conditional creations of one path wait for each other, all other requests pass."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._locks: dict[str, Semaphore] = {}
        self._users: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer the request; a creation is complete when its answer begins."""
        if environ["REQUEST_METHOD"] != "PUT" or "HTTP_IF_NONE_MATCH" not in environ:
            return self._application(environ, start_response)
        with self._alone(environ["PATH_INFO"]):
            return self._application(environ, start_response)

    @contextmanager
    def _alone(self, path: str) -> Iterator[None]:
        lock = self._locks.setdefault(path, Semaphore())
        self._users[path] += 1
        try:
            with lock:
                yield
        finally:
            self._users[path] -= 1
            if not self._users[path]:
                del self._locks[path], self._users[path]


def filter_factory(_conf: dict[str, str], **_settings: str) -> Callable[[Application], CreateOnly]:
    """Return the filter, as a paste pipeline asks for it."""
    return CreateOnly

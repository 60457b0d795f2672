"""The service, with a store that hangs where a test says: ``HANG_AT`` is part of a key, ``HUNG`` is then made."""

import os
import time
from pathlib import Path

from jobs.state.storage import S3Store

hang_at = os.environ.get("HANG_AT", "")
put = S3Store.put


def slowly_put(self: S3Store, key: str, body: bytes) -> None:
    """Write an object, or never answer."""
    if hang_at and hang_at in key:
        Path(os.environ["HUNG"]).touch()
        time.sleep(600)
    put(self, key, body)


S3Store.put = slowly_put  # type: ignore[method-assign]

from service.wsgi import app  # noqa: E402 - what it opens is patched by now

__all__ = ["app"]

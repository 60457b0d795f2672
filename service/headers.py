"""What every answer carries, whatever it says."""

import re

from ulid import ULID

ALWAYS = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Unless a view says otherwise."""
REQUEST_ID = "X-Request-Id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def request_id(given: str) -> str:
    """Return what a request is called: as its caller does, where that is a plain word."""
    return given if _REQUEST_ID.fullmatch(given) else f"req_{ULID()}"

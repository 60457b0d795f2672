"""What schemathesis cannot know of this service; `schemathesis.toml` names this file."""

import re
from uuid import uuid4

import schemathesis

from service.views.keyed import HEADER, PATTERN


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: object) -> None:
    """Give each request a key of its own, where it has a good one: the second with the same is refused for that."""
    key = (case.headers or {}).get(HEADER)
    if isinstance(key, str) and re.fullmatch(PATTERN, key):
        case.headers[HEADER] = str(uuid4())

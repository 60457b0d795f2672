"""Command lines that are wrong: said in one way, before anything is sent."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def wrong(hint: str) -> Iterator[None]:
    """Make errors in values that the block reads the caller's own: the option *hint* was used wrongly."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise typer.BadParameter(str(error), param_hint=hint) from error

"""The log of every process: one object a line, with the ids of what it is about, and without secrets.

Modules log with the standard library; who handles a request or an attempt binds its ids once (``about``), and every
line until then carries them. structlog turns the records into JSON here and nowhere else.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import Any, TextIO

import structlog

from jobs.state.settings import Settings, SettingsError, environment_name
from jobs.telemetry.settings import TelemetrySettings

_REDACTED = "…"
_SECRET_MIN = 8
"""Shorter settings are not searched for: they would blot out words."""
_SECRETS = (
    re.compile(
        r"(mp_[0-9A-HJKMNP-TV-Z]{26}_|whsec_|X-Amz-(?:Signature|Security-Token)=|Bearer\s+|bearer\s+)[^\s\"'&<>\\]+"
    ),
    re.compile(r"(://[^\s/:@\"]*:)[^\s/@\"]+(?=@)"),
)
"""API keys, webhook secrets, signatures of presigned URLs, credentials of requests; and passwords in URLs.

Every alternative begins with a letter of its own: so most of a line is skipped, and looking costs a fifth.
"""


_ENCODER = json.JSONEncoder(default=repr)
_TOLD = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
)
"""What a line says beside its message."""


def about(**ids: Any) -> AbstractContextManager[None]:
    """Return a block whose log lines carry *ids*, also those of libraries."""
    return structlog.contextvars.bound_contextvars(**{name: value for name, value in ids.items() if value is not None})


def bind(**ids: Any) -> None:
    """Have the lines of this thread carry *ids* until it is told to forget them."""
    structlog.contextvars.bind_contextvars(**{name: value for name, value in ids.items() if value is not None})


def forget() -> None:
    """Have the lines of this thread carry no ids."""
    structlog.contextvars.clear_contextvars()


def configure(settings: TelemetrySettings, secrets: Iterable[str] = (), stream: TextIO = sys.stderr) -> None:
    """Send the logs of this process to *stream*.

    Args:
        settings: what they are like.
        secrets: texts that must never be seen, beside those that are known by their form.
        stream: where to.

    Raises:
        SettingsError: there is no such level.
    """
    if settings.log_level.upper() not in logging.getLevelNamesMapping():
        name = environment_name("log_level")
        raise SettingsError(f"{name} expects DEBUG, INFO, WARNING or ERROR, got {settings.log_level!r}.")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(settings, secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    logging.captureWarnings(capture=True)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line says them


def adopt() -> None:
    """Have libraries that brought handlers of their own, as torch does, write through ours."""
    for each in logging.Logger.manager.loggerDict.values():
        if isinstance(each, logging.Logger):
            each.handlers.clear()
            each.propagate = True


def formatter(settings: TelemetrySettings, secrets: Iterable[str] = ()) -> logging.Formatter:
    """Return what writes a record as one line; arguments as of ``configure``."""
    written = (
        (structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_as_json))
        if settings.log_json
        else (structlog.dev.ConsoleRenderer(colors=False),)
    )
    return _Lines((*_TOLD, *written), tuple(each for each in secrets if len(each) >= _SECRET_MIN))


def secrets_of(*settings: Settings) -> tuple[str, ...]:
    """Return the values of all secret settings."""
    return tuple(getattr(each, one.name) for each in settings for one in fields(each) if one.metadata["secret"])


def redacted(line: str, secrets: Iterable[str] = ()) -> str:
    """Return *line* without what looks like a secret, and without *secrets*."""
    for secret in secrets:
        line = line.replace(secret, _REDACTED)
    for pattern in _SECRETS:
        line = pattern.sub(rf"\1{_REDACTED}", line)
    return line


class _Lines(logging.Formatter):
    """Runs records through *processors*, and takes secrets out of the line, wherever in it they are.

    As ``structlog.stdlib.ProcessorFormatter`` does for records of the standard library, which copies each record and
    formats it twice: half of what a line costs.
    """

    def __init__(self, processors: tuple[structlog.typing.Processor, ...], secrets: tuple[str, ...]) -> None:
        super().__init__()
        self._processors = processors
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        event: Any = {"event": record.getMessage(), "_record": record, "_from_structlog": False}
        event |= {name: value for name in ("exc_info", "stack_info") if (value := getattr(record, name))}
        for process in self._processors:
            event = process(None, record.levelname.lower(), event)
        return redacted(event, self._secrets)


def _as_json(event: Any, **_: Any) -> str:
    """Return *event* by an encoder that is made once."""
    return _ENCODER.encode(event)

"""Settings: one line each, read from the environment once and checked at the start.

A setting ``redis_url`` is the variable ``MODELPRESS_REDIS_URL``. The store and the queue are named here because the
service and the workers share them; what only one side needs is declared there, with the same two functions.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self, get_type_hints
from urllib.parse import urlsplit

PREFIX = "MODELPRESS_"
_THIS_MACHINE = {None, "localhost", "127.0.0.1", "::1"}
_TRUTH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class SettingsError(ValueError):
    """One or more settings are missing or bad; the text names each of them."""


def setting(
    text: str, default: Any = MISSING, *, unit: str = "", minimum: float | None = None, secret: bool = False
) -> Any:
    """Return the field of one setting.

    Args:
        text: what it decides, in one sentence.
        default: its value when the environment is silent; without one it is required.
        unit: of a number, e.g. ``s``.
        minimum: smallest number allowed.
        secret: whether it is hidden in ``repr``.
    """
    return field(default=default, metadata={"help": text, "unit": unit, "minimum": minimum, "secret": secret})


class Settings:
    """Base of a frozen dataclass whose fields are made by ``setting``."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings that *environ* (by default the process's own) gives.

        Raises:
            SettingsError: names every variable that is missing or bad, and what was expected.
        """
        source = os.environ if environ is None else environ
        kinds, values, problems = get_type_hints(cls), {}, []
        for each in fields(cls):
            try:
                values[each.name] = _value(each, kinds[each.name], source)
            except SettingsError as error:
                problems.append(str(error))
        if problems:
            raise SettingsError("\n".join(problems))
        return cls(**values)

    def __repr__(self) -> str:
        """Return every setting, secrets redacted."""
        shown = (f"{each.name}={_shown(each, getattr(self, each.name))}" for each in fields(self))
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, slots=True, repr=False)
class StateSettings(Settings):
    """Where the job state lives."""

    s3_endpoint: str = setting("URL of the S3 store, as this process reaches it")
    s3_access_key: str = setting("access key of the store", secret=True)
    s3_secret_key: str = setting("secret key of the store", secret=True)
    redis_url: str = setting("URL of Redis or Valkey, 6.2 or newer", "redis://127.0.0.1:6379/0", secret=True)
    redis_open: bool = setting("whether a Redis that asks for no password may be on another machine", False)
    s3_public_endpoint: str = setting("URL of the store as callers reach it; empty: the same as s3_endpoint", "")
    s3_region: str = setting("region that requests are signed for", "us-east-1")
    bucket: str = setting("bucket that holds all state and results", "modelpress")
    presign_s: int = setting("how long a presigned URL is good for", 900, unit="s", minimum=1)
    lease_s: int = setting("how long an attempt may be silent before another takes over", 30, unit="s", minimum=2)
    idempotency_s: int = setting(
        "how long a request is known by its Idempotency-Key, at least", 172_800, unit="s", minimum=86_400
    )
    retention_s: int = setting(
        "how long a job and what it made are kept after its end; 0: for ever", 90 * 86_400, unit="s", minimum=0
    )
    max_attempts: int = setting("how often a job is tried before it fails", 3, minimum=1)
    webhook_hosts: tuple[str, ...] = setting(
        "hosts, as host or host:port, that webhooks may reach though they are private or speak plain http: for "
        "development; elsewhere they go to https and public addresses alone",
        (),
    )
    quota_open_jobs: int = setting(
        "jobs of a tenant that have not ended, points of landscapes included", 2000, minimum=0
    )
    quota_running_jobs: int = setting(
        "jobs of a tenant that are under way at a time; 0: as many as there are workers", 0, minimum=0
    )
    quota_stored_bytes: int = setting("what a tenant may have stored", 2**40, unit="bytes", minimum=0)
    quota_steps: int = setting("steps of one job", 8, minimum=0)
    quota_points: int = setting("points of one landscape", 1000, minimum=0)
    quota_buckets: tuple[str, ...] = setting(
        "patterns of the buckets that a tenant's s3:// references may name, of those that workers read from", ("*",)
    )

    def __post_init__(self) -> None:
        """Refuse a Redis that is open to a network: who can write to it has the workers do what they like.

        Raises:
            SettingsError: it asks for no password.
        """
        parts = urlsplit(self.redis_url)
        if not (self.redis_open or parts.password or parts.scheme == "unix" or parts.hostname in _THIS_MACHINE):
            raise SettingsError(
                f"{environment_name('redis_url')} expects a password for a Redis on another machine, as in "
                f"redis://:PASSWORD@{parts.hostname}:6379/0; where nobody else can reach it, set "
                f"{environment_name('redis_open')}=true."
            )


def environment_name(name: str) -> str:
    """Return the variable that sets *name*."""
    return PREFIX + name.upper()


def _value(each: Field[Any], kind: Any, source: Mapping[str, str]) -> Any:
    variable, text = environment_name(each.name), source.get(environment_name(each.name), "")
    if text == "":
        if each.default is MISSING:
            raise SettingsError(f"{variable} is not set: {each.metadata['help']}.")
        return each.default
    try:
        value = _PARSERS[kind](text)
    except (KeyError, ValueError):
        shown = "a secret" if each.metadata["secret"] else repr(text)
        raise SettingsError(f"{variable} expects {_NAMES[kind]}, got {shown}: {each.metadata['help']}.") from None
    minimum = each.metadata["minimum"]
    if minimum is not None and value < minimum:
        raise SettingsError(f"{variable} expects at least {minimum} {each.metadata['unit']}, got {text}.")
    return value


def _shown(each: Field[Any], value: Any) -> str:
    return "'…'" if each.metadata["secret"] and value else repr(value)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


_PARSERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: lambda text: _TRUTH[text.lower()],
    Path: Path,
    tuple[str, ...]: _words,
}
_NAMES: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    tuple[str, ...]: "words separated by commas",
}

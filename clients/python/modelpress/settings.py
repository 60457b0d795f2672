"""Where the service is and who is asking: from arguments, else from the environment, else from a profile in a file.

The file is ``~/.config/modelpress/config.toml``, or lies under ``XDG_CONFIG_HOME``::

    [profiles.default]
    base_url = "https://modelpress.example"
    api_key = "mp_…"

A profile's key goes to its own address and to no other.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from modelpress.errors import ConfigurationError

URL_VARIABLE = "MODELPRESS_URL"
KEY_VARIABLE = "MODELPRESS_API_KEY"
PROFILE_VARIABLE = "MODELPRESS_PROFILE"
DEFAULT_PROFILE = "default"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client needs to know before its first call; nothing else is read from environment and file."""

    base_url: str
    api_key: str = field(repr=False)

    @classmethod
    def resolve(cls, base_url: str | None = None, api_key: str | None = None, profile: str | None = None) -> Self:
        """Return the settings: arguments before environment before file.

        A *profile* that is named here goes before the environment; else it is ``MODELPRESS_PROFILE``, else
        ``default``. The file is read only where something is missing still.

        Raises:
            ConfigurationError: address or key is nowhere, the address is not http(s), or the profile is not there.
        """
        environment = os.environ if profile is None else {}
        url = base_url or environment.get(URL_VARIABLE, "")
        key = api_key or environment.get(KEY_VARIABLE, "")
        if not url or not key:
            saved = _profile(profile or os.environ.get(PROFILE_VARIABLE))
            url = url or saved.get("base_url", "")
            key = key or (saved.get("api_key", "") if _plain(url) == _plain(saved.get("base_url", "")) else "")
        _check(url, key)
        return cls(_plain(url), key)

    def save(self, profile: str = DEFAULT_PROFILE) -> Path:
        """Write the settings into the file as *profile*, in the place of what it was; return the file's path.

        Nobody but the user can read the file. Other profiles and comments stay.

        Raises:
            ConfigurationError: the file that is there is no TOML.
        """
        import tomlkit  # noqa: PLC0415 - only who saves needs to wait for it

        path = config_path()
        _read(path)
        document = tomlkit.parse(path.read_text(encoding="utf-8") if path.exists() else "")
        profiles = document.setdefault("profiles", tomlkit.table(is_super_table=True))
        profiles.setdefault(profile, tomlkit.table()).update({"base_url": self.base_url, "api_key": self.api_key})
        _write_private(path, tomlkit.dumps(document))
        return path


def config_path() -> Path:
    """Return where the file of profiles is, or would be."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "modelpress" / "config.toml"


def cache_path() -> Path:
    """Return where the client keeps what it can do without."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelpress"


def _profile(named: str | None) -> Mapping[str, Any]:
    """Return what is saved as the profile *named*, or as the default one, which need not be there."""
    path = config_path()
    profiles = _read(path)
    if named is not None and named not in profiles:
        known = ", ".join(profiles) or "none"
        raise ConfigurationError(
            f"Expected a profile {named!r} in {path}; it has {known}. `modelpress login` adds one."
        )
    return profiles.get(named or DEFAULT_PROFILE, {})


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the profiles in the file, none where it is not there."""
    try:
        profiles = tomllib.loads(path.read_text(encoding="utf-8")).get("profiles", {})
    except FileNotFoundError:
        return {}
    except ValueError as error:  # also bytes that are no UTF-8
        raise ConfigurationError(f"{path} is no TOML: {error}. Mend it, or remove it and log in again.") from error
    if not isinstance(profiles, dict) or not all(isinstance(each, dict) for each in profiles.values()):
        raise ConfigurationError(f"Expected tables like [profiles.default] in {path}.")
    return profiles


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
    part.replace(path)


def _check(url: str, key: str) -> None:
    if not url or not key:
        missing = f"{URL_VARIABLE} or base_url=" if not url else f"{KEY_VARIABLE} or api_key="
        raise ConfigurationError(
            f"Expected {missing}, or a profile with both in {config_path()}, which `modelpress login` writes; got none."
        )
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise ConfigurationError(f"Expected a base URL such as https://modelpress.example; got {url!r}.")


def _plain(url: str) -> str:
    return url.rstrip("/")

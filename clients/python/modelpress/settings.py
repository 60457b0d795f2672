"""Where the service is and who is asking: from arguments, else from the environment."""

import os
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from modelpress.errors import ConfigurationError

URL_VARIABLE = "MODELPRESS_URL"
KEY_VARIABLE = "MODELPRESS_API_KEY"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client needs to know before its first call; nothing else is read from the environment."""

    base_url: str
    api_key: str = field(repr=False)

    @classmethod
    def resolve(cls, base_url: str | None, api_key: str | None) -> Self:
        """Return the settings, arguments before environment.

        Raises:
            ConfigurationError: one of the two is nowhere, or the URL is not an http(s) address.
        """
        url = base_url or os.environ.get(URL_VARIABLE, "")
        key = api_key or os.environ.get(KEY_VARIABLE, "")
        if not url or not key:
            missing = f"base_url= or {URL_VARIABLE}" if not url else f"api_key= or {KEY_VARIABLE}"
            raise ConfigurationError(f"Expected {missing}; got neither.")
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ConfigurationError(f"Expected a base URL such as https://modelpress.example; got {url!r}.")
        return cls(url.rstrip("/"), key)

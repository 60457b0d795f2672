"""Tokens of an identity provider (OpenID Connect, RFC 7519), for callers who already have one; off unless configured.

A token is good if one of the provider's published keys has signed it by an algorithm of ours, for us, and it has not
expired. It must name the tenant; what it may do follows from the words of one claim.
"""

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from json import JSONDecodeError
from typing import Any, Protocol

from jobs.state.keys import Scope, is_tenant
from jobs.state.settings import SettingsError, environment_name
from service.callers import Caller
from service.errors import IdentityUnavailableError
from service.settings import ServiceSettings

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""With a public key only: by any other, whoever can check a token could make one."""
KEYS_S = 300
"""How long the provider's keys are remembered [s]."""
FETCH_S = 3
"""How long the provider may take to send them [s], and how long it is left alone after it did not."""
LEEWAY_S = 30
"""How far its clock may be from ours [s]."""
_REQUIRED = ["exp", "iss", "aud", "sub"]


class Tokens(Protocol):
    """Reads tokens."""

    def identify(self, token: str) -> Caller | None:
        """Return whom the token stands for; None where it is not good."""


class Provider:
    """The one identity provider whose tokens are believed.

    Args:
        settings: who it is and how it says things.
        clock: tells the time [s].

    Raises:
        SettingsError: a setting is missing or bad, or the extra ``oidc`` is not installed.
    """

    def __init__(self, settings: ServiceSettings, clock: Callable[[], float] = time.monotonic) -> None:
        _check(settings)
        try:
            jwt = import_module("jwt")  # an extra that only those need who configure it
        except ImportError:
            raise SettingsError("MODELPRESS_OIDC_ISSUER is set: install the extra modelpress[oidc].") from None
        self._jwt = jwt
        self._settings = settings
        try:
            self._keys = jwt.PyJWKClient(settings.oidc_jwks_url, lifespan=KEYS_S, timeout=FETCH_S)
        except jwt.PyJWTError as error:
            raise SettingsError(f"MODELPRESS_OIDC_JWKS_URL cannot be used: {error}") from None
        self._clock = clock
        self._away_until = 0.0

    def identify(self, token: str) -> Caller | None:
        """Return whom *token* stands for; None where it is not good.

        Raises:
            IdentityUnavailableError: the provider's keys cannot be had.
        """
        claims = self._claims(token)
        tenant = claims.get(self._settings.oidc_tenant_claim) if claims else None
        if claims is None or not isinstance(tenant, str) or not is_tenant(tenant):
            return None
        return Caller(tenant, f"token:{claims['sub']}", self._scopes(claims))

    def _claims(self, token: str) -> dict[str, Any] | None:
        if self._clock() < self._away_until:
            raise _unavailable()
        try:
            claims: dict[str, Any] = self._jwt.decode(
                token,
                self._keys.get_signing_key_from_jwt(token),
                algorithms=[*self._settings.oidc_algorithms],
                audience=self._settings.oidc_audience,
                issuer=self._settings.oidc_issuer,
                leeway=LEEWAY_S,
                options={"require": _REQUIRED},
            )
        except (self._jwt.exceptions.PyJWKClientConnectionError, self._jwt.PyJWKSetError, JSONDecodeError):
            self._away_until = self._clock() + FETCH_S
            raise _unavailable() from None
        except self._jwt.PyJWTError:
            return None
        return claims

    def _scopes(self, claims: Mapping[str, Any]) -> frozenset[Scope]:
        said = claims.get(self._settings.oidc_scope_claim) or ()
        words = said.split() if isinstance(said, str) else said
        prefix = self._settings.oidc_scope_prefix
        return frozenset(scope for scope in Scope if f"{prefix}{scope}" in words)


def provider(settings: ServiceSettings) -> Provider | None:
    """Return the provider that *settings* name, if they name one.

    Raises:
        SettingsError: as ``Provider``.
    """
    return Provider(settings) if settings.oidc_issuer else None


def _check(settings: ServiceSettings) -> None:
    for name in ("oidc_audience", "oidc_jwks_url"):
        if not getattr(settings, name):
            raise SettingsError(f"{environment_name(name)} is not set, and MODELPRESS_OIDC_ISSUER is.")
    odd = set(settings.oidc_algorithms) - ALGORITHMS
    if odd or not settings.oidc_algorithms:
        known, got = ", ".join(sorted(ALGORITHMS)), ", ".join(sorted(odd)) or "none"
        raise SettingsError(f"MODELPRESS_OIDC_ALGORITHMS expects some of {known}; got {got}.")


def _unavailable() -> IdentityUnavailableError:
    return IdentityUnavailableError("The keys of the identity provider cannot be had; try again later.")

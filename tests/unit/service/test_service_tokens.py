"""Tokens of an identity provider: believed when it signed them, for us, just now, and never otherwise."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from service_fakes import KEY, REQUEST, World

from jobs.state.settings import SettingsError
from service.identity import Provider
from service.settings import ServiceSettings

ISSUER, AUDIENCE = "https://login.example.org", "modelpress"


class Login:
    """An identity provider on loopback, with a key pair of its own."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.asked, self.broken = 0, False
        login = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                login.asked += 1
                self.send_response(500 if login.broken else 200)
                self.end_headers()
                self.wfile.write(login.keys())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keys(self) -> bytes:
        """Return the published keys."""
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return json.dumps({"keys": [{**public, "kid": "one", "use": "sig", "alg": "ES256"}]}).encode()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a good token, with *changes*; None takes one away."""
        now = int(time.time())
        good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "pipeline", "iat": now, "exp": now + 300, "tenant": "acme"}
        found = {**good, "scope": "openid modelpress:read modelpress:write", **changes}
        return {name: value for name, value in found.items() if value is not None}

    def token(self, *, kid: str = "one", key: Any = None, algorithm: str = "ES256", **changes: Any) -> str:
        """Return a token."""
        return jwt.encode(self.claims(**changes), key or self.key, algorithm=algorithm, headers={"kid": kid})

    def settings(self, **changes: Any) -> ServiceSettings:
        """Return settings that believe this provider."""
        url = f"http://127.0.0.1:{self.server.server_port}/keys"
        known = {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_jwks_url": url, "rate_limit_failures": 0}
        return ServiceSettings(**{"rate_limit": 0, **known, **changes})


@pytest.fixture(scope="module")
def provider() -> Iterator[Login]:
    """Return a provider."""
    login = Login()
    yield login
    login.server.shutdown()
    login.server.server_close()


@pytest.fixture
def login(provider: Login) -> Login:
    """Return the provider, in order, of whom nothing was asked yet."""
    provider.asked, provider.broken = 0, False
    return provider


def called(world: World, token: str, method: str = "GET", path: str = "/v1/jobs", **more: Any) -> Any:
    """Return the answer to a call with *token*."""
    return world.client.open(path, method=method, headers={"Authorization": f"Bearer {token}"}, **more)


def test_a_token_opens_the_door_of_its_tenant(login: Login) -> None:
    """A good token submits for the tenant that it names, is called by its subject in the log, and keys work beside."""
    world = World(login.settings())
    answer = called(world, login.token(), "POST", "/v1/compressions", json=REQUEST)

    assert answer.status_code == 202
    assert [job.tenant for job in world.ledger.jobs.values()] == ["acme"]
    assert world.audit.notes[0]["who"] == "token:pipeline"
    assert called(world, KEY).status_code == 200


FORGED: dict[str, Callable[[Login], str]] = {
    "another key": lambda login: login.token(key=ec.generate_private_key(ec.SECP256R1())),
    "a key nobody knows": lambda login: login.token(kid="two"),
    "no signature": lambda login: jwt.encode(login.claims(), None, algorithm="none", headers={"kid": "one"}),
    "a secret": lambda login: login.token(key="s" * 32, algorithm="HS256"),
    "expired": lambda login: login.token(exp=int(time.time()) - 60),
    "not yet": lambda login: login.token(nbf=int(time.time()) + 300),
    "for ever": lambda login: login.token(exp=None),
    "another issuer": lambda login: login.token(iss="https://evil.example.org"),
    "for others": lambda login: login.token(aud="another"),
    "for nobody": lambda login: login.token(aud=None),
    "no subject": lambda login: login.token(sub=None),
    "no tenant": lambda login: login.token(tenant=None),
    "a path for a tenant": lambda login: login.token(tenant="../other"),
    "tenants": lambda login: login.token(tenant=["acme"]),
    "no token": lambda login: "eyJhbGciOiJub25lIn0",
}


@pytest.mark.parametrize("name", FORGED)
def test_any_other_token_opens_nothing(login: Login, name: str) -> None:
    """A token that is not the provider's, not for us, over, or of no tenant is refused like an unknown key."""
    answer = called(World(login.settings()), FORGED[name](login))

    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        ("modelpress:read", [200, 403]),
        (["modelpress:write"], [403, 202]),
        ("read write", [403, 403]),
        (None, [403, 403]),
    ],
)
def test_a_token_may_do_what_its_words_say(login: Login, scope: Any, statuses: list[int]) -> None:
    """Words with the prefix, as one text or a list, are scopes; without them a token may do nothing."""
    world, token = World(login.settings()), login.token(scope=scope)
    answers = [called(world, token), called(world, token, "POST", "/v1/compressions", json=REQUEST)]

    assert [each.status_code for each in answers] == statuses


def test_keys_are_fetched_once(login: Login) -> None:
    """The provider is asked once for many tokens, and not again for every key that it does not have."""
    world = World(login.settings())
    for kid in ("one", "one", "two", "three", "four"):
        called(world, login.token(kid=kid))

    assert login.asked == 1


def test_a_provider_that_is_away_is_said_and_left_alone(login: Login) -> None:
    """Without its keys tokens cannot be checked: 503, and it is not asked again for some seconds; API keys work."""
    world, login.broken = World(login.settings()), True
    answers = [called(world, login.token()) for _ in range(2)]

    assert [(each.status_code, each.get_json()["code"]) for each in answers] == 2 * [(503, "identity_unavailable")]
    assert (login.asked, called(world, KEY).status_code) == (1, 200)


@pytest.mark.parametrize("said", [b"<html>", b"", b'{"keys": []}', b'{"keys": 3}'])
def test_a_provider_that_talks_nonsense_is_away(login: Login, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    """What is no set of keys is no verdict on a token, nor a fault of ours: 503."""
    monkeypatch.setattr(login, "keys", lambda: said)
    answer = called(World(login.settings()), login.token())

    assert (answer.status_code, answer.get_json()["code"]) == (503, "identity_unavailable")


def test_tokens_that_are_none_shut_nobody_out(login: Login) -> None:
    """Whatever somebody without a key sends as a token, those with a good one go on."""
    world = World(login.settings())
    for nonsense in ("a.b.c", "e30.e30.", "\u00e9.e30.e30", "eyJhbGciOiJFUzI1NiIsImtpZCI6W119.e30.e30"):
        assert called(world, nonsense).status_code == 401

    assert called(world, login.token()).status_code == 200


def test_tokens_are_off_unless_configured(login: Login) -> None:
    """Without settings a good token is an unknown key, and nobody is asked."""
    assert called(World(), login.token()).status_code == 401
    assert login.asked == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"oidc_audience": ""}, "MODELPRESS_OIDC_AUDIENCE"),
        ({"oidc_jwks_url": ""}, "MODELPRESS_OIDC_JWKS_URL"),
        ({"oidc_jwks_url": "file:///etc/passwd"}, "MODELPRESS_OIDC_JWKS_URL"),
        ({"oidc_algorithms": ("HS256",)}, "got HS256"),
        ({"oidc_algorithms": ()}, "got none"),
    ],
)
def test_half_a_configuration_does_not_start(login: Login, changes: dict[str, Any], said: str) -> None:
    """What is missing, or an algorithm by which anybody could sign, stops the service at its start."""
    with pytest.raises(SettingsError, match=said):
        Provider(login.settings(**changes))

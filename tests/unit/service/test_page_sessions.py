"""Sessions of the web page: opened by a key, signed, bounded, and guarded against other sites."""

from typing import Any

import pytest
from service_fakes import KEY, OTHER_KEY, World

from service.sessions import TOKEN
from service.settings import ServiceSettings

ORIGIN = {"Origin": "http://localhost"}


def signed_in(world: World, key: str = KEY, **options: Any) -> Any:
    """Return the answer to somebody who signs in with *key*."""
    return world.client.post("/login", data={"key": key}, headers=ORIGIN, **options)


def token(world: World) -> str:
    """Return the token that the forms of the open session carry."""
    return str(world.client.get("/").text.partition(f'name="{TOKEN}" value="')[2].partition('"')[0])


def test_a_page_asks_who_is_there(world: World) -> None:
    """Without a session a page leads to the sign-in page, which leads back to it."""
    answer = world.client.get("/?state=failed&label=a%26b")
    form = world.client.get(answer.headers["Location"]).text

    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "/login?next=%2F%3Fstate%3Dfailed%26label%3Da%2526b",
    )
    assert 'name="next" value="/?state=failed&amp;label=a%26b"' in form


def test_a_key_opens_a_session(world: World) -> None:
    """A known key leads to the page that was asked for, with a cookie that scripts and other sites cannot use."""
    answer = world.client.post("/login", data={"key": f" {KEY} ", "next": "/jobs/x"}, headers=ORIGIN)
    cookie = answer.headers["Set-Cookie"]

    assert (answer.status_code, answer.headers["Location"]) == (303, "/jobs/x")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Max-Age=43200" in cookie
    assert KEY not in cookie
    assert world.client.get("/").status_code == 200


def test_a_cookie_of_https_stays_there(world: World) -> None:
    """Over HTTPS the cookie is sent over HTTPS alone, and no other host can have set it."""
    options: Any = {"base_url": "https://localhost", "headers": {"Origin": "https://localhost"}}
    cookie = world.client.post("/login", data={"key": KEY}, **options).headers["Set-Cookie"]

    assert cookie.startswith("__Host-modelpress=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize("key", ["", "mp_wrong", "<b>"])
def test_a_wrong_key_opens_nothing(world: World, key: str) -> None:
    """A wrong key gives the form again, with what was expected, and no cookie."""
    answer = signed_in(world, key)

    assert answer.status_code == 422
    assert "Expected a known API key" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_session_ends_with_its_key(world: World) -> None:
    """Whoever takes the key away takes its sessions away."""
    signed_in(world)
    del world.keys.held[KEY]

    assert world.client.get("/").status_code == 303


def test_a_session_ends_with_its_time() -> None:
    """A session is over when it is older than the setting says."""
    world = World(ServiceSettings(page_session_s=-1))
    signed_in(world)

    assert world.client.get("/").status_code == 303


def test_a_session_cannot_be_altered(world: World) -> None:
    """A cookie that names another key, another time or another signature opens nothing."""
    signed_in(world)
    key_id, at, signature = world.client.get_cookie("modelpress").value.split(".")
    for forged in (
        f"two.{at}.{signature}",
        f"{key_id}.zzzzzz.{signature}",
        f"{key_id}.{at}.{signature[:-2]}AA",
        key_id,
    ):
        world.client.set_cookie("modelpress", forged)

        assert world.client.get("/").status_code == 303


@pytest.mark.parametrize(("secret", "status"), [("one", 200), ("another", 303), ("", 303)])
def test_processes_agree_on_a_session(secret: str, status: int) -> None:
    """A session that one process opened is known to all that share the secret, and to no others."""
    first, second = (World(ServiceSettings(page_secret=each)) for each in ("one", secret))
    signed_in(first)
    second.client.set_cookie("modelpress", first.client.get_cookie("modelpress").value)

    assert second.client.get("/").status_code == status


def test_signing_out_ends_it(world: World) -> None:
    """Signing out takes the cookie back."""
    signed_in(world)
    answer = world.client.post("/logout", data={TOKEN: token(world)}, headers=ORIGIN)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert world.client.get("/").status_code == 303


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "http:/x", "/a\nb", "javascript:alert(1)"],
)
def test_signing_in_leads_nowhere_else(world: World, elsewhere: str) -> None:
    """Only an address of this site is gone back to."""
    answer = world.client.post("/login", data={"key": KEY, "next": elsewhere}, headers=ORIGIN)

    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Origin": "http://evil.example"}])
@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_forms_of_other_sites_are_refused(world: World, path: str, headers: dict[str, str]) -> None:
    """A form that does not say that it comes from here is refused, whatever it carries."""
    signed_in(world)
    answer = world.client.post(path, data={"key": KEY, TOKEN: token(world)}, headers=headers)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "foreign_form")


@pytest.mark.parametrize("key", [None, KEY, OTHER_KEY])
def test_forms_carry_the_token_of_their_session(world: World, key: str | None) -> None:
    """A form without a token, or with that of another session, changes nothing."""
    job_id = world.submit()
    sent = {}
    if key:
        signed_in(world, OTHER_KEY)
        sent = {TOKEN: token(world)}
    signed_in(world)
    if key == KEY:
        sent = {TOKEN: token(world)}
    answer = world.client.post(f"/jobs/{job_id}/cancel", data=sent, headers=ORIGIN)

    assert answer.status_code == (303 if key == KEY else 403)
    assert world.ledger.jobs[job_id].state == ("cancelled" if key == KEY else "queued")


def test_the_cookie_does_not_open_the_api(world: World) -> None:
    """The API takes keys alone, so no other site can make a browser call it."""
    signed_in(world)

    assert world.client.get("/v1/jobs").status_code == 401


def test_pages_are_guarded(world: World) -> None:
    """No page may be framed, kept or run what is not the service's own; none has scripts or styles inline."""
    signed_in(world)
    for path in ("/", "/login"):
        answer = world.client.get(path)
        policy = answer.headers["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert " style=" not in answer.text
        assert "<style" not in answer.text
        assert answer.text.count("<script") == answer.text.count('<script src="/static/')

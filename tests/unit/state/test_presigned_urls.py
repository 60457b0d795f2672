"""Presigned URLs: as narrow as a download or an upload needs."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from jobs.state.settings import StateSettings
from jobs.state.storage import S3Store

KEY = "tenants/acme/jobs/job_1/attempts/1/files/ein Bär.json"
INSIDE, OUTSIDE = "http://store.internal:9000", "https://files.example.org"


def store(public: str = "") -> S3Store:
    """Return a store that nothing is asked of."""
    return S3Store.from_settings(StateSettings(INSIDE, "key", "secret", s3_public_endpoint=public))


def urls(store: S3Store) -> list[str]:
    """Return a URL of every kind."""
    return [
        store.presign_get(KEY, 900, "ein Bär.json"),
        store.presign_put(KEY, 900),
        store.presign_part(KEY, "upload", 7, 900),
    ]


@pytest.mark.parametrize("kind", range(3))
def test_a_url_is_for_one_object_and_a_while(kind: int) -> None:
    """It is signed with SigV4, for the very key, and good for as long as asked; the secret is not in it."""
    url = urls(store())[kind]
    query = parse_qs(urlsplit(url).query)

    assert unquote(urlsplit(url).path) == f"/modelpress/{KEY}"
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-SignedHeaders"] == ["host"]
    assert "secret" not in url


def test_a_download_is_saved_under_its_name() -> None:
    """The store is told to send the file as an attachment, with its name encoded and part of what is signed."""
    query = parse_qs(urlsplit(urls(store())[0]).query)

    assert query["response-content-disposition"] == ["attachment; filename*=UTF-8''ein%20B%C3%A4r.json"]


@pytest.mark.parametrize(("public", "begins"), [("", INSIDE), (OUTSIDE, OUTSIDE)])
def test_callers_are_sent_where_they_can_go(public: str, begins: str) -> None:
    """Where callers reach the store by another name, their URLs are signed for that one, also in other buckets."""
    there = store(public)

    assert all(url.startswith(f"{begins}/modelpress/") for url in urls(there))
    assert all(url.startswith(f"{begins}/models/") for url in urls(there.in_bucket("models")))


def test_urls_are_short_lived_unless_somebody_says_otherwise() -> None:
    """By default a URL is good for a quarter of an hour."""
    assert StateSettings(INSIDE, "key", "secret").presign_s == 900

"""Settings are read once, checked at the start, and keep their secrets."""

import pytest

from jobs.settings import WorkerSettings
from jobs.state.settings import SettingsError, StateSettings

NEEDED = {
    "MODELPRESS_S3_ENDPOINT": "http://127.0.0.1:9000",
    "MODELPRESS_S3_ACCESS_KEY": "who",
    "MODELPRESS_S3_SECRET_KEY": "canary",
}


def test_what_is_given_is_taken_and_the_rest_has_defaults() -> None:
    """The environment wins over the defaults."""
    settings = StateSettings.from_env({**NEEDED, "MODELPRESS_LEASE_S": "7"})

    assert (settings.s3_endpoint, settings.lease_s, settings.bucket) == ("http://127.0.0.1:9000", 7, "modelpress")


def test_everything_that_is_missing_is_named_at_once() -> None:
    """One message names each missing variable and what it is for."""
    with pytest.raises(SettingsError) as caught:
        StateSettings.from_env({})

    assert all(name in str(caught.value) for name in NEEDED)


@pytest.mark.parametrize("text", ["soon", "0", "-3", "1.5"])
def test_a_bad_number_is_refused_by_name(text: str) -> None:
    """A number that is none, or too small, is told with its variable."""
    with pytest.raises(SettingsError, match="MODELPRESS_LEASE_S expects"):
        StateSettings.from_env({**NEEDED, "MODELPRESS_LEASE_S": text})


def test_secrets_are_not_shown() -> None:
    """Printing the settings shows no secret, nor the password in Redis's URL."""
    settings = StateSettings.from_env({**NEEDED, "MODELPRESS_REDIS_URL": "redis://:canary@127.0.0.1/0"})

    assert "canary" not in repr(settings)
    assert "http://127.0.0.1:9000" in repr(settings)


def test_the_worker_needs_nothing_set() -> None:
    """Every setting of the worker has a default."""
    assert WorkerSettings.from_env({}).threads == 1


@pytest.mark.parametrize("url", ["redis://redis:6379/0", "rediss://redis.example.org/0", "redis://:@10.0.0.7/0"])
def test_an_open_redis_on_another_machine_is_refused(url: str) -> None:
    """Who can write to Redis has the workers do what they like: without a password it must be on this machine."""
    with pytest.raises(SettingsError, match="MODELPRESS_REDIS_URL expects a password"):
        StateSettings.from_env({**NEEDED, "MODELPRESS_REDIS_URL": url})


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("redis://127.0.0.1:6379/0", "false"),
        ("redis://localhost/0", "false"),
        ("unix:///run/redis.sock", "false"),
        ("redis://:secret@redis:6379/0", "false"),
        ("rediss://user:secret@redis:6379/0", "false"),
        ("redis://redis:6379/0", "true"),
    ],
)
def test_a_redis_that_is_guarded_is_taken(url: str, is_open: str) -> None:
    """A password, this machine, or an operator who says that nobody else gets there: each will do."""
    environ = {**NEEDED, "MODELPRESS_REDIS_URL": url, "MODELPRESS_REDIS_OPEN": is_open}

    assert StateSettings.from_env(environ).redis_url == url

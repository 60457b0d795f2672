"""Where the client finds its address and key."""

import pytest
from client_fakes import JOB, KEY, FakeService
from modelpress import ConfigurationError, ModelPress, Settings
from modelpress.settings import config_path

HOME = Settings("https://home.example", "mp_home")
WORK = Settings("https://work.example", "mp_work")


def test_a_saved_profile_is_found(service: FakeService) -> None:
    """After a login, a client needs no arguments."""
    Settings(service.url, KEY).save()

    with ModelPress() as client:
        assert client.job(JOB).state == "succeeded"


def test_profiles_are_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument goes before the variable, and that before the default."""
    HOME.save()
    WORK.save("work")
    Settings("https://spare.example", "mp_spare").save("with spaces")
    assert Settings.resolve() == HOME
    assert Settings.resolve(profile="with spaces").api_key == "mp_spare"

    monkeypatch.setenv("MODELPRESS_PROFILE", "work")

    assert Settings.resolve() == WORK
    assert Settings.resolve(profile="default") == HOME


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set for this run beats what was saved once, but not a profile that is asked for by name."""
    HOME.save()
    monkeypatch.setenv("MODELPRESS_URL", WORK.base_url + "/")
    monkeypatch.setenv("MODELPRESS_API_KEY", WORK.api_key)

    assert Settings.resolve() == WORK
    assert Settings.resolve(profile="default") == HOME


def test_a_saved_key_goes_to_no_other_address() -> None:
    """A key is a secret between the user and one service: another address needs another key."""
    HOME.save()

    assert Settings.resolve(HOME.base_url + "/") == HOME
    assert Settings.resolve(api_key="mp_other") == Settings(HOME.base_url, "mp_other")
    with pytest.raises(ConfigurationError, match="api_key="):
        Settings.resolve("https://elsewhere.example")


def test_the_file_is_nobody_elses() -> None:
    """File and folder are the user's alone, also where the file was open to all before."""
    path = HOME.save()
    path.chmod(0o644)

    assert WORK.save("work") == path == config_path()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]


def test_saving_leaves_the_rest_as_it_is() -> None:
    """Comments, other profiles and fields of later releases stay; what is saved again is replaced."""
    path = HOME.save()
    path.write_text(f'# mine\ncolour = "blue"\n{path.read_text()}region = "eu"\n')

    WORK.save()

    assert path.read_text().startswith('# mine\ncolour = "blue"\n')
    assert 'region = "eu"' in path.read_text()
    assert Settings.resolve() == WORK


def test_an_unknown_profile_is_named_with_those_there_are() -> None:
    """A misspelt name does not become the default."""
    HOME.save("home")

    with pytest.raises(ConfigurationError, match=r"profile 'hom' in .*config\.toml; it has home"):
        Settings.resolve(profile="hom")


@pytest.mark.parametrize("content", [b"[profiles", b"\xff", b"profiles = 3", b"profiles.default = 3"])
def test_a_broken_file_says_where_it_is(content: bytes) -> None:
    """It is neither ignored nor overwritten."""
    path = HOME.save()
    path.write_bytes(content)

    for use in (Settings.resolve, HOME.save):
        with pytest.raises(ConfigurationError, match=r"config\.toml"):
            use()
    assert path.read_bytes() == content

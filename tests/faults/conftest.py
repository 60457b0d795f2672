"""One rig a module, on a Redis and in a bucket of its own; after every test everything is well."""

from collections.abc import Iterator

import pytest
from rig import Rig
from well import everything_is_well

from deploy.embedded.stack import Stack


@pytest.fixture(scope="module")
def bare_rig(stores: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Return the rig of the module, in which nothing but the stores need run."""
    rig = Rig(stores.settings, tmp_path_factory.mktemp("rig"))
    yield rig
    rig.close()


@pytest.fixture
def rig(bare_rig: Rig) -> Iterator[Rig]:
    """Return the rig with a janitor; what the test left is brought to its end and looked at."""
    bare_rig.start_janitor()
    yield bare_rig
    try:
        everything_is_well(bare_rig)
    finally:
        bare_rig.stop()
        bare_rig.accepted.clear()
        for mark in bare_rig.folder.glob("mark*"):
            mark.unlink()

"""Where the tests of fetching fetch from."""

import pytest
from fetched import UPLOAD

from jobs.adapters.memory import MemoryStore
from jobs.adapters.sources import Sources
from jobs.contract.errors import ModelNotFoundError


@pytest.fixture
def sources() -> Sources:
    """Return sources whose store has an empty bucket ``models``, and one complete upload."""

    def upload_prefix(upload_id: str) -> str:
        if upload_id != UPLOAD:
            raise ModelNotFoundError(f"No complete upload {upload_id}.")
        return f"tenants/t1/uploads/{upload_id}/files"

    store = MemoryStore("own")
    store.in_bucket("models").ensure_bucket()
    return Sources(store, upload_prefix)

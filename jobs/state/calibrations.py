"""What was measured on a model and its data, kept in the bucket for the tenant's next job on both.

Nothing depends on it: a record that is gone, or a store that fails, costs the time to measure again, and no more. So a
tenant keeps a few sets, and an operator may delete everything below ``tenants/{tenant}/calibrations/`` at any time.
"""

import logging
from collections.abc import Mapping
from typing import Any

from jobs.contract.errors import StorageError
from jobs.contract.spec import canonical_json, sha256_hex
from jobs.state.objects import AccessRefusedError, ObjectMissingError, ObjectStore

SETS_MAX = 16
"""Sets of records that a tenant keeps: pairs of a model and data."""

log = logging.getLogger("modelpress.calibrations")


class Calibrations:
    """The records of one set, by name.

    Args:
        store: the bucket.
        tenant: whose they are; nobody else's are ever read.
        identity: all that the records depend on.
    """

    def __init__(self, store: ObjectStore, tenant: str, identity: Mapping[str, Any]) -> None:
        self._store = store
        self._sets = f"tenants/{tenant}/calibrations/"
        self._set = sha256_hex(canonical_json(dict(identity)))
        self._has_room = False

    def get(self, name: str) -> bytes | None:
        """Return the record, or None when there is none or the store fails."""
        try:
            return self._store.get(f"{self._sets}{self._set}/{name}")
        except ObjectMissingError:
            return None
        except (StorageError, AccessRefusedError) as error:
            log.warning("Goes on without reading %s: %s", name, error)
            return None

    def put(self, name: str, content: bytes) -> None:
        """Keep the record, unless the store fails."""
        try:
            self._make_room()
            self._store.put(f"{self._sets}{self._set}/{name}", content)
        except (StorageError, AccessRefusedError) as error:
            log.warning("Goes on without keeping %s: %s", name, error)

    def _make_room(self) -> None:
        """Delete sets until this one is among those that may be kept; which go first is left to chance."""
        if self._has_room:
            return
        others = [each for each in self._store.folders(self._sets) if each != self._set]
        for each in others[SETS_MAX - 1 :]:
            for found in self._store.list(f"{self._sets}{each}/"):
                self._store.delete(found.key)
        self._has_room = True

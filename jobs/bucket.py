"""``python -m jobs.bucket``: makes the bucket unless it exists, and tries whether its store will do for a ledger.

A job ends once because its outcome can be created once: where several create the same object at the same moment, the
store must tell one of them that it did, and the others that they did not. Not every S3 keeps that.
"""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from jobs.contract.errors import StorageError
from jobs.state.objects import AccessRefusedError, ObjectMissingError, ObjectStore
from jobs.state.settings import SettingsError, StateSettings
from jobs.state.storage import S3Store

PREFIX = "trials/"
WRITERS = 8
ROUNDS = 20
PATIENCE_S = 60.0
"""How long a store that was started at the same time may take until it answers."""


class UnfitStoreError(Exception):
    """The store does not keep what the ledger needs; the text says what it did instead."""


def try_store(store: ObjectStore, *, rounds: int = ROUNDS, writers: int = WRITERS) -> None:
    """Return where *store* creates an object once, however many *writers* do it at once, and shows it at once.

    What is written for that is deleted again.

    Raises:
        UnfitStoreError: it does not.
    """
    with ThreadPoolExecutor(writers) as pool:
        for _ in range(rounds):
            key = f"{PREFIX}{uuid4().hex}"
            try:
                _try_once(store, key, pool, writers)
            finally:
                store.delete(key)


def _try_once(store: ObjectStore, key: str, pool: ThreadPoolExecutor, writers: int) -> None:
    together = threading.Barrier(writers)

    def create(body: bytes) -> bool:
        together.wait()
        return store.put_if_absent(key, body)

    bodies = [str(number).encode() for number in range(writers)]
    written = [body for body, was in zip(bodies, pool.map(create, bodies), strict=True) if was]
    if len(written) != 1:
        raise UnfitStoreError(
            f"Of {writers} who created one object at the same moment (If-None-Match: *), the store told {len(written)} "
            "that they did; expected was one. It cannot hold a ledger: choose a store whose conditional writes are "
            "atomic (docs/operations.md names some)."
        )
    if store.get(key) != written[0] or [found.key for found in store.list(key)] != [key]:
        raise UnfitStoreError("What was just written is not read or not listed: the store is not consistent.")


def make(store: S3Store, *, patience_s: float = PATIENCE_S) -> None:
    """Make the bucket of *store* unless it exists.

    Raises:
        StorageError: the store has not answered for *patience_s*.
    """
    until = time.monotonic() + patience_s
    while True:
        try:
            return store.ensure_bucket()
        except StorageError:
            if time.monotonic() > until:
                raise
            time.sleep(1)


def main() -> int:
    """Make and try the bucket that the environment names; return the exit status."""
    try:
        store = S3Store.from_settings(StateSettings.from_env())
        make(store)
        try_store(store)
    except (SettingsError, StorageError, ObjectMissingError, AccessRefusedError, UnfitStoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"Bucket {store.bucket} is there, and its store will do.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What is kept of measurements: per tenant, per identity, a few sets, and never at the price of a job."""

from collections.abc import Iterator

import pytest

from jobs.contract.errors import StorageError
from jobs.state.calibrations import SETS_MAX, Calibrations
from jobs.state.objects import AccessRefusedError, ObjectInfo, ObjectMissingError

IDENTITY = {"model": "a", "data": "b"}


class Bucket:
    """Objects in memory; with *fails*, a store that raises it at every call."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.objects: dict[str, bytes] = {}
        self.fails = fails

    def get(self, key: str) -> bytes:
        """Return the object."""
        self._fail()
        if key not in self.objects:
            raise ObjectMissingError(key)
        return self.objects[key]

    def put(self, key: str, body: bytes) -> None:
        """Keep the object."""
        self._fail()
        self.objects[key] = body

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield what begins with *prefix*."""
        self._fail()
        yield from [ObjectInfo(key, 0, "") for key in sorted(self.objects) if key.startswith(prefix)]

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the folders below *prefix*."""
        self._fail()
        yield from sorted({key.removeprefix(prefix).split("/")[0] for key in self.objects if key.startswith(prefix)})

    def delete(self, key: str) -> None:
        """Remove the object."""
        del self.objects[key]

    def _fail(self) -> None:
        if self.fails is not None:
            raise self.fails


def kept(bucket: Bucket, tenant: str = "acme", **identity: str) -> Calibrations:
    """Return the records of one set."""
    return Calibrations(bucket, tenant, IDENTITY | identity)  # type: ignore[arg-type]


def test_what_was_kept_comes_back() -> None:
    """A record comes back to the same tenant under the same identity."""
    bucket = Bucket()
    kept(bucket).put("layer.0", b"numbers")

    assert kept(bucket).get("layer.0") == b"numbers"
    assert kept(bucket).get("layer.1") is None


def test_other_tenants_and_other_data_see_nothing() -> None:
    """A record is found neither by another tenant nor under another identity."""
    bucket = Bucket()
    kept(bucket).put("layer.0", b"numbers")

    assert kept(bucket, "rival").get("layer.0") is None
    assert kept(bucket, data="c").get("layer.0") is None
    assert all(key.startswith("tenants/acme/calibrations/") for key in bucket.objects)


@pytest.mark.parametrize("failure", [StorageError("The store is away."), AccessRefusedError("Not yours.")])
def test_a_store_that_fails_costs_nothing_else(failure: Exception) -> None:
    """A failing store is one that keeps nothing."""
    records = kept(Bucket(failure))

    records.put("layer.0", b"numbers")

    assert records.get("layer.0") is None


def test_a_tenant_keeps_a_few_sets() -> None:
    """Beyond the most that are kept others go, whole, and neither the newest nor anybody else's."""
    bucket = Bucket()
    kept(bucket, "rival").put("layer.0", b"numbers")
    for number in range(SETS_MAX + 4):
        for name in ("layer.0", "layer.1"):
            kept(bucket, data=str(number)).put(name, b"numbers")

        assert kept(bucket, data=str(number)).get("layer.1") == b"numbers"

    assert len(list(bucket.folders("tenants/acme/calibrations/"))) == SETS_MAX
    assert len(list(bucket.list("tenants/acme/calibrations/"))) == 2 * SETS_MAX
    assert kept(bucket, "rival").get("layer.0") == b"numbers"

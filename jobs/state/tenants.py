"""What each tenant may have: a record ``tenants/{tenant}/tenant.json`` of what differs from the settings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any, Self

from redis import Redis

from jobs.contract.errors import InvalidRequestError
from jobs.contract.spec import Json
from jobs.state.documents import making_sense_of
from jobs.state.keys import check_tenant
from jobs.state.objects import ObjectStore
from jobs.state.remembered import Remembered
from jobs.state.settings import StateSettings

SCHEMA = "modelpress/tenant/v1"


@dataclass(frozen=True, slots=True)
class Quotas:
    """How much one tenant may have.

    Attributes:
        open_jobs: jobs that have not ended; a landscape counts with each of its points.
        running_jobs: jobs under way at a time; 0: as many as there are workers.
        stored_bytes: everything below the tenant's prefix: uploads, artifacts, records [bytes].
        steps_per_job: techniques in one request.
        points_per_landscape: points of one landscape.
        buckets: patterns of the buckets that its ``s3://`` references may name.
    """

    open_jobs: int
    running_jobs: int
    stored_bytes: int
    steps_per_job: int
    points_per_landscape: int
    buckets: tuple[str, ...]

    @classmethod
    def from_settings(cls, settings: StateSettings) -> Self:
        """Return what a tenant may have of whom nothing is said."""
        return cls(
            settings.quota_open_jobs,
            settings.quota_running_jobs,
            settings.quota_stored_bytes,
            settings.quota_steps,
            settings.quota_points,
            settings.quota_buckets,
        )

    def allows_bucket(self, name: str) -> bool:
        """Return whether a reference may name this bucket."""
        return any(fnmatchcase(name, pattern) for pattern in self.buckets)


class Tenants:
    """Reads and writes what tenants may have; Redis remembers a record for a minute.

    Args:
        store: where the records are.
        redis: a client that decodes its responses.
        otherwise: what holds where a record says nothing.
    """

    def __init__(self, store: ObjectStore, redis: "Redis", otherwise: Quotas) -> None:
        self._records = Remembered(store, redis, self._made)
        self._otherwise = otherwise

    def quotas(self, tenant: str) -> Quotas:
        """Return what *tenant* may have."""
        return replace(self._otherwise, **self._own(tenant))

    def set(self, tenant: str, changes: Mapping[str, Any]) -> Quotas:
        """Write down what differs for *tenant*; None gives a quota back to the settings. Return what holds now.

        Raises:
            InvalidRequestError: the tenant's name is none, or a number is negative.
        """
        check_tenant(tenant)
        for name, value in changes.items():
            if isinstance(value, int) and value < 0:
                raise InvalidRequestError(f"Expected a {name} of at least 0; got {value}.")
        own = {name: value for name, value in (self._own(tenant) | dict(changes)).items() if value is not None}
        self._records.write(_key(tenant), {"schema": SCHEMA, "quotas": own})
        return self.quotas(tenant)

    def _own(self, tenant: str) -> dict[str, Any]:
        return self._records.read(_key(tenant)) or {}

    def _made(self, key: str, record: Json) -> dict[str, Any]:
        known = {each.name: type(getattr(self._otherwise, each.name)) for each in fields(Quotas)}
        with making_sense_of(key):
            own = {name: value for name, value in record["quotas"].items() if name in known}  # a newer may know more
            own |= {"buckets": tuple(map(str, own["buckets"]))} if "buckets" in own else {}
            if wrong := [name for name, value in own.items() if type(value) is not known[name]]:
                raise TypeError(", ".join(wrong))
        return own


def shown(quotas: Quotas) -> Json:
    """Return the quotas as JSON has them."""
    return asdict(quotas) | {"buckets": list(quotas.buckets)}


def _key(tenant: str) -> str:
    return f"tenants/{tenant}/tenant.json"

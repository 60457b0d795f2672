"""The service's calls as the generated code builds them: method, address, query and body of each.

Bodies go out as the caller wrote them, as a ``body``: the generated models would drop a field that they do not
know, and a misspelt parameter would silently become the default. The service checks the real thing.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from modelpress._generated.api.artifacts.get_artifact import _get_kwargs as get_artifact
from modelpress._generated.api.artifacts.get_manifest import _get_kwargs as get_manifest
from modelpress._generated.api.compressions.create_compression import _get_kwargs as create_compression
from modelpress._generated.api.events.list_events import _get_kwargs as list_events
from modelpress._generated.api.jobs.cancel_job import _get_kwargs as cancel_job
from modelpress._generated.api.jobs.get_job import _get_kwargs as get_job
from modelpress._generated.api.jobs.list_jobs import _get_kwargs as list_jobs
from modelpress._generated.api.jobs.retry_job import _get_kwargs as retry_job
from modelpress._generated.api.landscapes.create_landscape import _get_kwargs as create_landscape
from modelpress._generated.api.landscapes.get_landscape import _get_kwargs as get_landscape
from modelpress._generated.api.plans.create_plan import _get_kwargs as create_plan
from modelpress._generated.api.profiles.create_profile import _get_kwargs as create_profile
from modelpress._generated.api.reports.get_report import _get_kwargs as get_report
from modelpress._generated.api.techniques.list_techniques import _get_kwargs as list_techniques
from modelpress._generated.api.uploads.complete_upload import _get_kwargs as complete_upload
from modelpress._generated.api.uploads.create_upload import _get_kwargs as create_upload
from modelpress._generated.api.uploads.get_upload import _get_kwargs as get_upload
from modelpress._generated.api.webhooks.change_webhook import _get_kwargs as change_webhook
from modelpress._generated.api.webhooks.create_webhook import _get_kwargs as create_webhook
from modelpress._generated.api.webhooks.delete_webhook import _get_kwargs as delete_webhook
from modelpress._generated.api.webhooks.get_webhook import _get_kwargs as get_webhook
from modelpress._generated.api.webhooks.list_deliveries import _get_kwargs as list_deliveries
from modelpress._generated.api.webhooks.list_webhooks import _get_kwargs as list_webhooks
from modelpress._generated.api.webhooks.redeliver import _get_kwargs as redeliver
from modelpress._generated.api.webhooks.rotate_webhook import _get_kwargs as rotate_webhook
from modelpress._generated.api.webhooks.test_webhook import _get_kwargs as test_webhook

__all__ = [
    "body",
    "cancel_job",
    "change_webhook",
    "complete_upload",
    "create_compression",
    "create_landscape",
    "create_plan",
    "create_profile",
    "create_upload",
    "create_webhook",
    "delete_webhook",
    "get_artifact",
    "get_job",
    "get_landscape",
    "get_manifest",
    "get_report",
    "get_upload",
    "get_webhook",
    "given",
    "list_deliveries",
    "list_events",
    "list_jobs",
    "list_techniques",
    "list_webhooks",
    "once",
    "redeliver",
    "retry_job",
    "rotate_webhook",
    "test_webhook",
]


class _Body(dict[str, Any]):
    """A document in the place of a generated model."""

    def to_dict(self) -> dict[str, Any]:
        """Return the document itself."""
        return self


def body(document: Mapping[str, Any]) -> Any:
    """Return *document* as the generated code takes bodies; fields that are None are left out."""
    return _Body(given(**document))


def once(call: dict[str, Any]) -> dict[str, Any]:
    """Return *call* under a name of its own, so that however often it is sent, it creates one thing."""
    return call | {"headers": {**call["headers"], "Idempotency-Key": f'"{uuid4()}"'}}


def given(**fields: Any) -> dict[str, Any]:
    """Return the *fields* that are not None."""
    return {name: value for name, value in fields.items() if value is not None}

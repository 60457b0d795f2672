"""Compressions in Airflow: operator and sensor wait in the triggerer, and take no worker's slot meanwhile."""

from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk import BaseOperator, BaseSensorOperator, Context
from airflow.triggers.base import BaseTrigger, TriggerEvent
from modelpress import AsyncModelPress, ModelPress


class JobTrigger(BaseTrigger):
    """Fires once a job has ended, in whatever way."""

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Say how the triggerer makes this trigger."""
        return f"{__name__}.JobTrigger", {"job_id": self.job_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait through restarts of the service and broken connections."""
        async with AsyncModelPress() as press:  # MODELPRESS_URL and MODELPRESS_API_KEY, as everywhere here
            job = await press.job(self.job_id)
            yield TriggerEvent({"job": (await job.wait()).id})


class JobSensor(BaseSensorOperator):
    """Waits for a job; it fails as the job does, with the job's own words, and returns its id."""

    template_fields = ("job_id",)

    def __init__(self, *, job_id: str, **options: Any) -> None:
        super().__init__(**options)
        self.job_id = job_id

    def execute(self, context: Context) -> None:
        """Leave the waiting to the triggerer."""
        self.defer(trigger=JobTrigger(self.job_id), method_name="judge")

    def judge(self, context: Context, event: dict[str, Any]) -> str:
        """Return the job's id; a job without a result has no report, and says why."""
        return judged(event["job"])


class CompressOperator(BaseOperator):
    """Compresses a model by a *request*, the arguments of ``ModelPress.compress``; returns the id of its job."""

    template_fields = ("request",)

    def __init__(self, *, request: dict[str, Any], gates: dict[str, float] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.request, self.gates = request, gates or {}

    def execute(self, context: Context) -> None:
        """Submit, and leave the waiting to the triggerer."""
        with ModelPress() as press:
            job = press.compress(**self.request)
        self.defer(trigger=JobTrigger(job.id), method_name="judge")

    def judge(self, context: Context, event: dict[str, Any]) -> str:
        """Return the job's id, if its result is close enough to the model that it was made from."""
        return judged(event["job"], **self.gates)


def judged(job_id: str, fidelity: float = -1.0) -> str:
    """Return the id of a job that succeeded, and whose result has at least this *fidelity*."""
    with ModelPress() as press:
        found = press.job(job_id).report().fidelity.cosine
    if found < fidelity:
        raise ValueError(f"Expected a fidelity of at least {fidelity}; {job_id} has {found:.4f}.")
    return job_id

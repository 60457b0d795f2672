"""What webhooks say and how they are signed: Standard Webhooks 1.0.

Source: the specification of Standard Webhooks (github.com/standard-webhooks/standard-webhooks).
"""

import base64
import secrets
from enum import StrEnum

from jobs.contract.state import JobState

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
SECRET_BYTES = 32


class EventType(StrEnum):
    """What is told."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    JOB_EXPIRED = "job.expired"
    TEST = "webhook.test"


JOB_EVENTS = {
    JobState.SUCCEEDED: EventType.JOB_SUCCEEDED,
    JobState.FAILED: EventType.JOB_FAILED,
    JobState.CANCELLED: EventType.JOB_CANCELLED,
    JobState.EXPIRED: EventType.JOB_EXPIRED,
}
"""What the end of a job is called."""


def new_secret() -> str:
    """Return a secret that nobody guesses."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()

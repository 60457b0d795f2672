from typing import Literal

WebhookEvent = Literal["job.cancelled", "job.expired", "job.failed", "job.succeeded"]

WEBHOOK_EVENT_VALUES: set[WebhookEvent] = {
    "job.cancelled",
    "job.expired",
    "job.failed",
    "job.succeeded",
}


def check_webhook_event(value: str) -> WebhookEvent:
    if value in WEBHOOK_EVENT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {WEBHOOK_EVENT_VALUES!r}")

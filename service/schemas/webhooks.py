"""Webhook endpoints and deliveries: what callers send, and what they see."""

from marshmallow import fields, validate

from jobs.contract.receivers import URL_MAX, URL_PATTERN
from jobs.contract.webhooks import JOB_EVENTS, EventType
from jobs.state.outbox import DELIVERY_ID
from jobs.state.webhooks import ENDPOINT_ID, ENDPOINTS_MAX
from service.schemas.answers import count, flag, moment, text, words
from service.schemas.base import AnswerSchema, RequestSchema
from service.schemas.fields import (
    NamedEnum,
    Patterned,
    QueryInteger,
    StrictBoolean,
    StrictList,
    StrictString,
    Within,
)

DELIVERIES_PAGE_MAX = 100
_URL = "Where to POST to: https, port 443, a host with a public name and public addresses"
_EVENTS = "Of which ends of jobs it is told; those of jobs that name it by `webhook` it is told in any case"
_DESCRIPTION = "Your own words"
_ENABLED = "Whether anything is sent there; true gives one that was switched off a new start"


def webhook_id() -> Patterned:
    """Return the field of a request for a job that names an endpoint."""
    about = "The id of a webhook endpoint that is told of the end of this job, whatever its `events` are"
    return Patterned(ENDPOINT_ID, "the id of a webhook endpoint", metadata={"description": about})


def _url(*, required: bool) -> Patterned:
    said = "a plain https URL without user, password or fragment"
    return Patterned(URL_PATTERN, said, longest=URL_MAX, required=required, metadata={"description": _URL})


def _events() -> StrictList:
    return StrictList(
        NamedEnum("WebhookEvent", JOB_EVENTS.values()), unique=True, metadata={"description": f"{_EVENTS}; default all"}
    )


def _description() -> StrictString:
    return StrictString(validate=validate.Length(max=255), metadata={"description": _DESCRIPTION})


class WebhookRequest(RequestSchema):
    """Somebody who shall be told of the ends of jobs."""

    url = _url(required=True)
    events = _events()
    description = _description()
    enabled = StrictBoolean(metadata={"description": _ENABLED, "default": True})


class WebhookChanges(RequestSchema):
    """What shall be different about an endpoint; the rest stays."""

    url = _url(required=False)
    events = _events()
    description = _description()
    enabled = StrictBoolean(metadata={"description": _ENABLED})


class DeliveriesQuery(RequestSchema):
    """Which deliveries to list, newest first."""

    cursor = Patterned(
        DELIVERY_ID, "the next_cursor of an earlier page", metadata={"description": "From the last page"}
    )
    limit = QueryInteger(
        validate=Within(min=1, max=DELIVERIES_PAGE_MAX), load_default=20, metadata={"description": "Most to list"}
    )


class Webhook(AnswerSchema):
    """An endpoint."""

    id = text("wh_ and a ULID; what `webhook` in a request for a job takes")
    url = text("Where to POST to")
    events = fields.List(
        fields.String(metadata={"x_extensible_enum": [*map(str, JOB_EVENTS.values())]}),
        required=True,
        metadata={"description": _EVENTS},
    )
    enabled = flag("Whether anything is sent there")
    description = text(_DESCRIPTION)
    created_at = moment("When it was made")
    failing_since = moment("When the first delivery failed after which none has arrived", allow_none=True)
    switched_off = text("Why the service sends nothing there any more", allow_none=True)


class WebhookWithSecret(Webhook):
    """An endpoint, and the one time that its secret is shown."""

    secret = text("What verifies signatures: whsec_ and base64; keep it, it is not shown again")


class WebhookList(AnswerSchema):
    """All endpoints, oldest first."""

    data = fields.List(
        fields.Nested(Webhook), required=True, metadata={"description": f"At most {ENDPOINTS_MAX} of them"}
    )


class DeliveryAttempt(AnswerSchema):
    """One try to deliver."""

    at = moment("When it began")
    status = count("What was answered; null where nothing was", allow_none=True)
    error = text("What was wrong", allow_none=True)
    milliseconds = count("How long it took [ms]")


class Delivery(AnswerSchema):
    """One message to one endpoint."""

    id = text("What receivers get as webhook-id: the same in every attempt")
    endpoint = text("The endpoint")
    type = words(EventType, "What is told")
    job = text("The job that it is about; null for a test", allow_none=True)
    state = words(["pending", "delivered", "failed"], "pending until it has arrived or was given up")
    created_at = moment("When it happened")
    next_attempt_at = moment("When it is tried next", allow_none=True)
    attempts = fields.List(
        fields.Nested(DeliveryAttempt), required=True, metadata={"description": "The last ones, oldest first"}
    )


class DeliveryPage(AnswerSchema):
    """Deliveries, newest first."""

    data = fields.List(fields.Nested(Delivery), required=True)
    next_cursor = text("What to ask for the next page with; null on the last", allow_none=True)
    has_more = flag("Whether there is a next page")

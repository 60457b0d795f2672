"""Who is told of the ends of jobs, and what came of telling them."""

import re
from typing import Any

from flask import Response, jsonify

from jobs.contract.errors import WebhookConflictError
from jobs.state.keys import Scope
from jobs.state.outbox import DELIVERY_ID
from jobs.state.records import utc_now
from jobs.state.webhooks import Endpoint
from service.api import Blueprint
from service.auth import tenant
from service.errors import NotFoundError
from service.ports import services
from service.schemas.webhooks import (
    DeliveriesQuery,
    Delivery,
    DeliveryPage,
    Webhook,
    WebhookChanges,
    WebhookList,
    WebhookRequest,
    WebhookWithSecret,
)
from service.views.examples import WEBHOOKS

Json = dict[str, Any]
LOCATION = {"Location": {"schema": {"type": "string"}, "description": "Where the endpoint is"}}
blueprint = Blueprint(
    "webhooks", __name__, url_prefix="/v1/webhooks", description="Be told when a job has ended", scope=Scope.ADMIN
)


@blueprint.route("")
@blueprint.response(200, WebhookList)
@blueprint.doc(operationId="listWebhooks")
def list_webhooks() -> Json:
    """List the webhook endpoints."""
    return {"data": [each.to_resource() for each in services().webhooks.of(tenant())]}


@blueprint.route("", methods=["POST"])
@blueprint.arguments(WebhookRequest, examples=WEBHOOKS)
@blueprint.response(201, WebhookWithSecret, headers=LOCATION)
@blueprint.alt_response(409)
@blueprint.doc(operationId="createWebhook")
def create_webhook(document: Json) -> Response:
    """Make a webhook endpoint.

    Messages go there as Standard Webhooks 1.0 says: signed with the secret that only this answer shows, and again with
    growing waits until a 2xx status comes back.
    """
    endpoint = services().webhooks.create(tenant(), document)
    response = _with_secret(endpoint)
    response.headers["Location"] = f"/v1/webhooks/{endpoint.id}"
    response.status_code = 201
    return response


@blueprint.route("/<webhook_id>")
@blueprint.response(200, Webhook)
@blueprint.alt_response(404)
@blueprint.doc(operationId="getWebhook")
def get_webhook(webhook_id: str) -> Json:
    """Show a webhook endpoint."""
    return _endpoint(webhook_id).to_resource()


@blueprint.route("/<webhook_id>", methods=["PATCH"])
@blueprint.arguments(WebhookChanges)
@blueprint.response(200, Webhook)
@blueprint.alt_response(404)
@blueprint.alt_response(409)
@blueprint.doc(operationId="changeWebhook")
def change_webhook(changes: Json, webhook_id: str) -> Json:
    """Change a webhook endpoint."""
    return _found(services().webhooks.change(tenant(), webhook_id, changes), webhook_id).to_resource()


@blueprint.route("/<webhook_id>", methods=["DELETE"])
@blueprint.response(204)
@blueprint.alt_response(404)
@blueprint.doc(operationId="deleteWebhook")
def delete_webhook(webhook_id: str) -> None:
    """Delete a webhook endpoint; what waits for it is dropped."""
    _endpoint(webhook_id)
    services().webhooks.delete(tenant(), webhook_id)


@blueprint.route("/<webhook_id>/rotate", methods=["POST"])
@blueprint.response(200, WebhookWithSecret)
@blueprint.alt_response(404)
@blueprint.doc(operationId="rotateWebhook")
def rotate_webhook(webhook_id: str) -> Response:
    """Give a webhook endpoint a new secret.

    For 24 hours messages are signed with the old one too, so that receivers can change over.
    """
    return _with_secret(_found(services().webhooks.rotate(tenant(), webhook_id), webhook_id))


@blueprint.route("/<webhook_id>/test", methods=["POST"])
@blueprint.response(202, Delivery)
@blueprint.alt_response(404)
@blueprint.alt_response(409)
@blueprint.doc(operationId="testWebhook")
def test_webhook(webhook_id: str) -> Json:
    """Send a test message to a webhook endpoint, once; the log of deliveries shows what came of it."""
    return services().deliveries.test(_active(webhook_id), utc_now()).to_resource()


@blueprint.route("/<webhook_id>/deliveries")
@blueprint.arguments(DeliveriesQuery, location="query")
@blueprint.response(200, DeliveryPage)
@blueprint.alt_response(404)
@blueprint.doc(operationId="listDeliveries")
def list_deliveries(query: Json, webhook_id: str) -> Json:
    """List what was sent to a webhook endpoint in the last 30 days, newest first."""
    found, cursor = services().deliveries.page(tenant(), _endpoint(webhook_id).id, **query)
    return {"data": [each.to_resource() for each in found], "next_cursor": cursor, "has_more": cursor is not None}


@blueprint.route("/<webhook_id>/deliveries/<delivery_id>/redeliver", methods=["POST"])
@blueprint.response(202, Delivery)
@blueprint.alt_response(404)
@blueprint.alt_response(409)
@blueprint.doc(operationId="redeliver")
def redeliver(webhook_id: str, delivery_id: str) -> Json:
    """Send a message once more, under the same id, whatever came of it before."""
    endpoint, deliveries = _active(webhook_id), services().deliveries
    known = re.fullmatch(DELIVERY_ID, delivery_id)
    delivery = deliveries.show(tenant(), endpoint.id, delivery_id) if known else None
    if delivery is None:
        raise NotFoundError(f"Expected the id of a delivery to this endpoint; got {delivery_id[:64]!r}.")
    deliveries.again(delivery, utc_now())
    return delivery.to_resource()


def _found(endpoint: Endpoint | None, webhook_id: str) -> Endpoint:
    if endpoint is None:
        raise NotFoundError(f"Expected the id of one of your webhook endpoints; got {webhook_id[:64]!r}.")
    return endpoint


def _endpoint(webhook_id: str) -> Endpoint:
    return _found(services().webhooks.show(tenant(), webhook_id), webhook_id)


def _active(webhook_id: str) -> Endpoint:
    endpoint = _endpoint(webhook_id)
    if not endpoint.active:
        raise WebhookConflictError("The endpoint is switched off; PATCH it with enabled: true first.")
    return endpoint


def _with_secret(endpoint: Endpoint) -> Response:
    shown = {**endpoint.to_resource(), "secret": endpoint.secrets[0].value}
    response = jsonify(WebhookWithSecret().dump(shown))
    response.headers["Cache-Control"] = "no-store"
    return response

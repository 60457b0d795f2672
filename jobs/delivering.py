"""One try at one webhook: signed, sent, and what is to be done about the answer.

Source: Standard Webhooks 1.0: what is signed, when to try again, which answers mean what.
"""

import email.utils
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from standardwebhooks import Webhook

from jobs.contract.errors import ReceiverRefusedError
from jobs.contract.receivers import Receiver
from jobs.contract.spec import canonical_json
from jobs.contract.webhooks import EventType
from jobs.posting import Answer, PostError
from jobs.state.deliveries import Deliveries, Delivery, Tried
from jobs.state.outbox import Due
from jobs.state.records import format_time, utc_now
from jobs.state.versions import NewerDocumentError
from jobs.state.webhooks import Endpoint, Webhooks

SCHEDULE_S = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""How long before each try [s]; after the last one a delivery is given up. A test is tried once."""
JITTER = 0.2
"""By which share a wait may be longer: what failed together does not come back together."""
FAILING_MAX = timedelta(days=5)
"""How long nothing may arrive at an endpoint before it is switched off."""
WAIT_MAX_S = SCHEDULE_S[-1]
log = logging.getLogger("modelpress.delivering")
Post = Callable[[Receiver, bytes, Mapping[str, str]], Answer]


class Messenger:
    """Tries deliveries, and keeps the log of them and the health of endpoints.

    Args:
        webhooks: the endpoints.
        deliveries: what is to be sent.
        post: sends it; raises ``PostError`` where there is no answer.
        clock: tells the time.
        jitter: returns a number from 0 to 1.
    """

    def __init__(
        self,
        webhooks: Webhooks,
        deliveries: Deliveries,
        post: Post,
        clock: Callable[[], datetime] = utc_now,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._post = post
        self._clock = clock
        self._jitter = jitter

    def deliver(self, due: Due) -> bool:
        """Try what *due* reminds of; return False where the receiver failed.

        What a newer release wrote is left to such a one.
        """
        try:
            delivery = self._deliveries.take(due)
            endpoint = self._webhooks.show(due.tenant, due.endpoint) if delivery else None
        except NewerDocumentError as error:
            log.info("%s is left to newer couriers: %s", due.delivery, error)
            return True
        if delivery is None:
            return True
        if endpoint is None or not endpoint.active:
            dropped = Tried(format_time(self._clock()) or "", None, "The endpoint is deleted or switched off.", 0)
            self._deliveries.put_back(due, _given_up(replace(delivery, attempts=(*delivery.attempts, dropped))))
            return True
        return self._try(due, delivery, endpoint)

    def _try(self, due: Due, delivery: Delivery, endpoint: Endpoint) -> bool:
        began = self._clock()
        answer, error = self._sent(delivery, endpoint, began)
        status = answer.status if answer else None
        took = (self._clock() - began) // timedelta(milliseconds=1)
        delivery = delivery.tried(Tried(format_time(began) or "", status, error, took))
        if status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            self._deliveries.put_back(due, replace(delivery, state="delivered", due=None))
            if endpoint.failing_since is not None:
                self._webhooks.recovered(endpoint)
            return True
        self._deliveries.put_back(due, self._rescheduled(delivery, answer))
        self._note_failure(endpoint, began, status)
        return False

    def _sent(self, delivery: Delivery, endpoint: Endpoint, now: datetime) -> tuple[Answer | None, str | None]:
        """Return the answer, and what is wrong with it or why there is none."""
        body = canonical_json(delivery.body)
        try:
            to = self._webhooks.receiver(endpoint.url)
            answer = self._post(to, body, headers(delivery.id, body, endpoint.signing(now), now))
        except (PostError, ReceiverRefusedError) as error:
            return None, str(error)
        return answer, None if answer.status < HTTPStatus.MULTIPLE_CHOICES else _said(answer.status)

    def _rescheduled(self, delivery: Delivery, answer: Answer | None) -> Delivery:
        tries = 1 if delivery.body["type"] == EventType.TEST else len(SCHEDULE_S)
        if delivery.tries >= tries or (answer is not None and answer.status == HTTPStatus.GONE):
            return _given_up(delivery)
        now = self._clock()
        wait = SCHEDULE_S[delivery.tries] * (1 + JITTER * self._jitter())
        asked = _seconds(answer.retry_after, now) if answer else 0.0
        return replace(delivery, due=now + timedelta(seconds=max(wait, asked)))

    def _note_failure(self, endpoint: Endpoint, now: datetime, status: int | None) -> None:
        since = endpoint.failing_since or now
        if status == HTTPStatus.GONE:
            self._webhooks.failing(endpoint, since, "It answered 410 Gone.")
        elif now - since >= FAILING_MAX:
            self._webhooks.failing(endpoint, since, f"Nothing has arrived there since {format_time(since)}.")
        elif endpoint.failing_since is None:
            self._webhooks.failing(endpoint, since)


def headers(identifier: str, body: bytes, secrets: tuple[str, ...], now: datetime) -> dict[str, str]:
    """Return the headers of a message: its id, the time, and a signature by each of *secrets*."""
    signatures = [Webhook(secret).sign(identifier, now.astimezone(UTC), body.decode()) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "ModelPress-Webhooks/1.0",
        "webhook-id": identifier,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _given_up(delivery: Delivery) -> Delivery:
    return replace(delivery, state="failed", due=None)


def _said(status: int) -> str:
    redirect = status < HTTPStatus.BAD_REQUEST
    return "Redirects are not followed; change the URL." if redirect else f"Expected a 2xx status; got {status}."


def _seconds(retry_after: str | None, now: datetime) -> float:
    """Return how long a receiver wants to be left alone [s], at most a day: a number, or a date of HTTP."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), WAIT_MAX_S))
    try:
        until = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    wait = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    return min(max(wait, 0.0), WAIT_MAX_S)

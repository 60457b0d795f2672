"""Webhook endpoints: who is told of the ends of jobs."""

from collections.abc import Iterable, Iterator

from modelpress import calls
from modelpress._sync.transport import Transport
from modelpress.records import Record


class Webhooks:
    """The webhook endpoints of a tenant: ``press.webhooks``. Needs a key with the scope ``admin``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self, url: str, *, events: Iterable[str] | None = None, description: str | None = None, enabled: bool = True
    ) -> Record:
        """Return a new endpoint; its ``secret`` is shown only now.

        Args:
            url: https, of a host that everybody can reach.
            events: ``job.succeeded``, ``job.failed``, ``job.cancelled``, ``job.expired``; by default all. With none
                it hears of those jobs alone that name it: ``press.compress(…, webhook=endpoint.id)``.
            description: your own words.
            enabled: whether anything is sent there.

        Raises:
            ConflictError: webhooks are not sent there, or there are too many endpoints.
        """
        chosen = None if events is None else list(events)
        document = {"url": url, "events": chosen, "description": description, "enabled": enabled}
        return Record(self._transport.json_once(calls.create_webhook(body=calls.body(document))))

    def all(self) -> list[Record]:
        """Return every endpoint, oldest first."""
        return [Record(each) for each in (self._transport.json(calls.list_webhooks()))["data"]]

    def get(self, webhook_id: str) -> Record:
        """Return one endpoint; raises ``NotFoundError``."""
        return Record(self._transport.json(calls.get_webhook(webhook_id)))

    def change(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Iterable[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> Record:
        """Return the endpoint with what is given changed; ``enabled=True`` revives one that was switched off."""
        chosen = None if events is None else list(events)
        document = {"url": url, "events": chosen, "description": description, "enabled": enabled}
        return Record(self._transport.json(calls.change_webhook(webhook_id, body=calls.body(document))))

    def delete(self, webhook_id: str) -> None:
        """Remove the endpoint."""
        self._transport.call(calls.delete_webhook(webhook_id))

    def rotate(self, webhook_id: str) -> Record:
        """Return the endpoint with a new ``secret``; for a day messages are signed with the old one too."""
        return Record(self._transport.json_once(calls.rotate_webhook(webhook_id)))

    def test(self, webhook_id: str) -> Record:
        """Have a test message sent; return its delivery, whose outcome ``deliveries`` shows."""
        return Record(self._transport.json_once(calls.test_webhook(webhook_id)))

    def deliveries(self, webhook_id: str) -> Iterator[Record]:
        """Yield what was sent to the endpoint, newest first."""
        cursor: str | None = None
        while True:
            page = self._transport.json(calls.list_deliveries(webhook_id, **calls.given(cursor=cursor)))
            for document in page["data"]:
                yield Record(document)
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def redeliver(self, webhook_id: str, delivery_id: str) -> Record:
        """Have a message sent once more, under the same id."""
        return Record(self._transport.json(calls.redeliver(webhook_id, delivery_id)))

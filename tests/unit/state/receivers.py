"""Somebody whom webhooks are sent to, and a courier that takes them there."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.receivers import Receiver
from jobs.delivering import Messenger
from jobs.posting import Answer, PostError
from jobs.state.deliveries import Deliveries
from jobs.state.webhooks import Webhooks

URL = "https://hooks.example.com/modelpress"


@dataclass
class Sent:
    """One message as it arrived."""

    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        """Return the body's document."""
        return json.loads(self.body)


@dataclass
class World:
    """Endpoints, their deliveries and a receiver that answers as it is told."""

    store: MemoryStore
    clock: Clock
    answer: Callable[[], Answer] = lambda: Answer(204, None)
    sent: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Put the parts together."""
        self.webhooks = Webhooks(self.store, clock=self.clock)
        self.deliveries = Deliveries(self.store, self.webhooks)
        self.messenger = Messenger(self.webhooks, self.deliveries, self.post, self.clock, jitter=lambda: 0.0)

    def post(self, to: Receiver, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Receive a message and answer."""
        self.sent.append(Sent(f"{to.scheme}://{to.host}{to.path}", dict(headers), body))
        return self.answer()

    def answers(self, status: int, retry_after: str | None = None) -> None:
        """Answer so from now on."""
        self.answer = lambda: Answer(status, retry_after)

    def hangs(self) -> None:
        """Answer nothing from now on."""

        def silent() -> Answer:
            raise PostError("No answer within 15 s.")

        self.answer = silent

    def deliver_due(self) -> int:
        """Try what is due, once each; return how much that was."""
        due = list(self.deliveries.due(self.clock()))
        for each in due:
            self.messenger.deliver(each)
        return len(due)

    def outbox(self) -> list[str]:
        """Return the markers of what waits."""
        return [found.key for found in self.store.list("outbox/")]

"""The courier as a process, with a real store, a real Redis and a receiver that is slow."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook

from deploy.embedded.stack import ROOT, Stack
from jobs.contract.state import JobState
from jobs.state.opening import State
from jobs.state.settings import StateSettings
from jobs.state.webhooks import Endpoint

REQUEST = {"model": {"uri": "s3://models/tiny"}, "steps": [{"technique": "low_rank"}]}
WITHIN_S = 60


class Receiver:
    """Takes messages, the first of them never to the end."""

    def __init__(self) -> None:
        self.messages: list[tuple[dict[str, str], bytes]] = []
        self.came, self.goes_on = threading.Semaphore(0), threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.messages.append(({name.lower(): text for name, text in self.headers.items()}, body))
                receiver.came.release()
                if len(receiver.messages) == 1:
                    receiver.goes_on.wait(WITHIN_S)
                    return
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more."""
        self.goes_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver on loopback."""
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def environment(stores: Stack) -> dict[str, str]:
    """Return the environment of a courier with a bucket of its own, which may send to this machine."""
    stores.store("courier-tests").ensure_bucket()
    return stores.environment | {
        "MODELPRESS_BUCKET": "courier-tests",
        "MODELPRESS_WEBHOOK_HOSTS": "127.0.0.1",
        "MODELPRESS_COURIER_S": "0.1",
    }


def courier(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start a courier."""
    return subprocess.Popen((sys.executable, "-m", "jobs.courier"), env=environment, cwd=ROOT)


def delivered(state: State, endpoint: Endpoint) -> bool:
    """Return whether the log says that the endpoint's last message has arrived."""
    log, _ = state.deliveries.page("acme", endpoint.id)
    return bool(log) and log[0].state == "delivered"


def test_a_message_outlives_the_courier(environment: dict[str, str], receiver: Receiver) -> None:
    """A courier killed in the middle of a delivery and an emptied Redis lose nothing: it comes again, as itself."""
    state = State.open(StateSettings.from_env(environment))
    endpoint = state.webhooks.create("acme", {"url": receiver.url})
    job = state.ledger.accept("acme", "compression", REQUEST)
    state.ledger.finish(state.ledger.claim(job.id, "w"), JobState.SUCCEEDED)
    first = courier(environment)
    assert receiver.came.acquire(timeout=WITHIN_S)
    first.kill()
    first.wait()
    for key in state.redis.scan_iter("modelpress:courier:*"):  # as FLUSHALL would
        state.redis.delete(key)

    second = courier(environment)
    assert receiver.came.acquire(timeout=WITHIN_S)
    until = time.monotonic() + WITHIN_S
    while not delivered(state, endpoint) and time.monotonic() < until:
        time.sleep(0.05)
    second.terminate()
    status = second.wait(WITHIN_S)
    (one, body), (two, again) = receiver.messages
    state.redis.close()

    assert status == 0
    assert (one["webhook-id"], body) == (two["webhook-id"], again)
    assert Webhook(endpoint.secrets[0].value).verify(again, two)["data"]["id"] == job.id
    assert delivered(state, endpoint)
    assert list(state.store.list("outbox/")) == []

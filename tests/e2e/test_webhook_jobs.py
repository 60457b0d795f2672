"""A job's end, told by the running stack to somebody who listens."""

import queue
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from http_calls import HEADS, QUICK, problem
from modelpress import ModelPress, webhooks

WITHIN_S = 60
Message = tuple[dict[str, str], bytes]


class Ear:
    """Listens on this machine."""

    def __init__(self) -> None:
        self.heard: queue.Queue[Message] = queue.Queue()
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()
                heard.put((dict(self.headers), body))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self._server.server_port}/in"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def ear() -> Iterator[Ear]:
    """Return somebody who listens."""
    made = Ear()
    yield made
    made.stop()


def test_a_job_tells_the_endpoint_that_it_names(press: ModelPress, model_uris: Mapping[str, str], ear: Ear) -> None:
    """What is heard verifies with the endpoint's secret and is of that job alone; the log says that it arrived."""
    endpoint = press.webhooks.create(ear.url, events=[])
    press.compress(model=model_uris["bert"], steps=[HEADS], profile=QUICK).wait(timeout=200)
    job = press.compress(model=model_uris["bert"], steps=[HEADS], profile=QUICK, webhook=endpoint.id).wait(timeout=200)
    headers, body = ear.heard.get(timeout=WITHIN_S)
    event = webhooks.verify(body, headers, endpoint.secret)
    sent = list(press.webhooks.deliveries(endpoint.id))
    press.webhooks.delete(endpoint.id)

    assert (event.type, event.data.id, event.data.state) == ("job.succeeded", job.id, "succeeded")
    assert [(each.id, each.job) for each in sent] == [(headers["webhook-id"], job.id)]
    assert ear.heard.empty()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:6379/", "https://169.254.169.254/latest/meta-data/", "https://[::1]/"]
)
def test_insides_are_refused(api: httpx.Client, url: str) -> None:
    """The running service makes no endpoint at an address of its own network."""
    said = problem(api.post("/v1/webhooks", json={"url": url}), 409, "receiver_refused")

    assert said["detail"].startswith("Expected https, port 443")

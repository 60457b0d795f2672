"""The example of a receiver hears what the courier of the running stack brings, and nobody else."""

import subprocess
import sys
from pathlib import Path

import httpx
from example_runs import EXAMPLES, environment
from modelpress import ModelPress
from waiting import wait

from deploy.embedded.ports import free_port


def test_the_receiver_hears_the_service_alone(press: ModelPress, tmp_path: Path) -> None:
    """A message of the courier is printed and found delivered; one that somebody made up is answered with 401."""
    url = f"http://localhost:{free_port(taken=set())}/modelpress"
    endpoint = press.webhooks.create(url, events=[])
    command = [
        sys.executable,
        "-m",
        "flask",
        "--app",
        EXAMPLES / "receiver.py",
        "run",
        "--port",
        str(httpx.URL(url).port),
    ]
    variables = environment(tmp_path, WEBHOOK_SECRET=endpoint.secret, PYTHONUNBUFFERED="1")
    log = tmp_path / "log"
    with log.open("w") as heard, subprocess.Popen(command, env=variables, stdout=heard, stderr=heard) as receiver:
        try:
            wait(lambda: "Running on" in log.read_text())
            press.webhooks.test(endpoint.id)
            wait(lambda: next(press.webhooks.deliveries(endpoint.id)).state == "delivered")
            forged = httpx.post(url, json={"type": "job.succeeded", "data": {"id": "job_forged"}})
        finally:
            receiver.terminate()
    press.webhooks.delete(endpoint.id)

    assert (forged.status_code, "job_forged" in log.read_text()) == (401, False)
    assert "webhook.test" in log.read_text()

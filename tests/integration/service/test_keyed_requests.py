"""The service is killed in the middle of a request that creates a job."""

import threading
from pathlib import Path

import pytest
from modelpress import Job, ModelPress
from served import Web, wait

from jobs.state.opening import State

STEPS = [{"technique": "head_pruning", "heads_removed": 0.5}]


@pytest.mark.parametrize("where", ["request.json", "open/"])
def test_a_killed_service_has_accepted_one_job(
    web: Web, client: ModelPress, state: State, where: str, tmp_path: Path
) -> None:
    """SIGKILL while a job is written down: the client asks again by itself, and there is one job."""
    hung, answers = tmp_path / "hung", list[Job]()
    web.stop()
    web.start(HANG_AT=where, HUNG=str(hung))
    asking = threading.Thread(
        target=lambda: answers.append(client.compress(model="s3://models/tiny", steps=STEPS, labels={"one": "job"}))
    )
    asking.start()
    wait(hung.exists)
    web.kill()
    web.start()
    asking.join()

    assert [job.id for job in client.jobs()] == [answers[0].id]
    assert list(state.ledger.open_ids()) == [answers[0].id]
    assert answers[0].record.labels == {"one": "job"}

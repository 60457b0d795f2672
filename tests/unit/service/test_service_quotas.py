"""What a caller is told whose tenant may not have more."""

from typing import Any

import pytest
from service_fakes import REQUEST, World

from jobs.contract.errors import BeyondQuotaError, ModelPressError, QuotaExceededError

CALLS = [
    ("/v1/compressions", REQUEST),
    ("/v1/plans", REQUEST),
    ("/v1/profiles", {"model": REQUEST["model"]}),
    ("/v1/landscapes", {"model": REQUEST["model"], "points": [{"steps": REQUEST["steps"]}]}),
    ("/v1/uploads", {"files": [{"path": "config.json", "bytes": 2}]}),
]


@pytest.mark.parametrize(("path", "body"), CALLS)
@pytest.mark.parametrize("refusal", [QuotaExceededError("Enough."), BeyondQuotaError("Too much.")])
def test_nothing_is_made_beyond_a_quota(world: World, path: str, body: Any, refusal: ModelPressError) -> None:
    """Every call that makes something asks first; 429 says when to come again, 403 does not."""
    world.admission.refusal = refusal
    answer = world.call("POST", path, json=body)

    assert (answer.status_code, answer.get_json()["code"]) == (refusal.status, refusal.code)
    assert answer.get_json()["detail"] == str(refusal)
    assert ("Retry-After" in answer.headers) == refusal.retryable
    assert (world.ledger.jobs, world.uploads.known, world.queue.announced) == ({}, {}, [])

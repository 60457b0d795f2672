"""Nobody may do more in Redis than they must, and that is enough for everything they do."""

from collections.abc import Mapping

import httpx
from http_calls import GOOD, accepted, ended
from redis import Redis

from deploy.embedded.stack import Stack


def test_what_processes_may_is_enough(stack: Stack, api: httpx.Client, model_uris: Mapping[str, str]) -> None:
    """Redis refused nothing to service, worker, janitor and courier, whatever this run has asked of them."""
    ended(api, accepted(api, GOOD)["id"])
    other = accepted(api, GOOD)["id"]
    api.post(f"/v1/jobs/{other}/cancel")
    ended(api, other)
    with Redis.from_url(stack.settings["MODELPRESS_REDIS_URL"], decode_responses=True) as owner:
        refused = [(each["username"], each["object"]) for each in owner.acl_log()]
        users = {each["user"] for each in owner.client_list()}

    assert refused == []
    assert users >= {"service", "worker", "courier"}

"""How often anybody may call, what they are told, and what is left of it when Redis is away."""

import time
from typing import Any

import pytest
from limits.storage import MemoryStorage
from redis import Redis
from service_fakes import KEY, OTHER_KEY, REQUEST, World

from service.limiting import SHUT_S, RateLimits
from service.settings import ServiceSettings


def limited(**settings: Any) -> World:
    """Return an application with these limits."""
    return World(ServiceSettings(**{"rate_limit": 0, "rate_limit_failures": 0, **settings}))


def test_every_answer_says_how_much_is_left() -> None:
    """Good and bad answers of the API carry the policy and what is left of it; none but a 429 a Retry-After for it."""
    world = limited(rate_limit=10)
    answers = [world.call("GET", path) for path in ("/v1/techniques", "/v1/nowhere", "/v1/techniques")]

    assert [each.status_code for each in answers] == [200, 404, 200]
    assert {each.headers["RateLimit-Policy"] for each in answers} == {'"requests";q=10;w=60'}
    assert [each.headers["RateLimit"].split(";")[1] for each in answers] == ["r=9", "r=8", "r=7"]
    assert not any("Retry-After" in each.headers for each in answers)
    assert "RateLimit" not in world.client.get("/livez").headers


def test_one_call_too_many_is_refused() -> None:
    """Beyond the limit the answer is a problem that says when to come again, and nothing is done; others may call."""
    world = limited(rate_limit=2)
    for _ in range(2):
        world.call("GET", "/v1/jobs")
    answer = world.call("POST", "/v1/compressions", json=REQUEST)
    other = world.client.get("/v1/jobs", headers={"Authorization": f"Bearer {OTHER_KEY}"})

    assert (answer.status_code, answer.get_json()["code"]) == (429, "too_many_requests")
    assert answer.get_json()["retryable"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert ";r=0;" in answer.headers["RateLimit"]
    assert (world.ledger.jobs, other.status_code) == ({}, 200)


def test_pages_count_as_well() -> None:
    """Whoever clicks too often is told so by a page."""
    world = limited(rate_limit=1)
    world.client.post("/login", data={"key": KEY}, headers={"Origin": "http://localhost"})
    answers = [world.client.get("/", headers={"Accept": "text/html"}) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 429]
    assert "too_many_requests" in answers[1].text


def test_guessing_is_slowed_down() -> None:
    """An address that sends too many wrong keys is told so in place of 401, also at the sign-in; others are not."""
    world = limited(rate_limit_failures=2)
    wrong = {"Authorization": "Bearer mp_wrong"}
    statuses = [world.client.get("/v1/jobs", headers=wrong).status_code for _ in range(4)]
    sign_in = world.client.post("/login", data={"key": "mp_wrong"}, headers={"Origin": "http://localhost"})
    elsewhere = world.client.get("/v1/jobs", headers=wrong, environ_overrides={"REMOTE_ADDR": "203.0.113.9"})

    assert statuses == [401, 401, 429, 429]
    assert (sign_in.status_code, elsewhere.status_code) == (429, 401)


def test_good_keys_cost_nothing() -> None:
    """Calls with a good key do not count as guesses."""
    world = limited(rate_limit_failures=1)

    assert {world.call("GET", "/v1/jobs").status_code for _ in range(5)} == {200}


def test_an_address_that_guesses_is_shut_for_a_while() -> None:
    """For some seconds after the limit nothing from there is sought in the store."""
    now = [1000.0]
    limits = RateLimits(MemoryStorage(), 0, 1, clock=lambda: now[0])
    said = [limits.fail("203.0.113.9"), limits.fail("203.0.113.9"), limits.is_shut("203.0.113.9")]
    now[0] += SHUT_S

    assert said == [False, True, True]
    assert not limits.is_shut("203.0.113.9")
    assert not limits.is_shut("203.0.113.10")


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "203.0.113.9")])
def test_a_proxy_is_believed_where_there_is_one(proxies: int, address: str) -> None:
    """X-Forwarded-For names the address only behind as many proxies as the settings say."""
    world = limited(rate_limit_failures=1, proxies=proxies)
    headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    for _ in range(2):
        world.client.get("/v1/jobs", headers=headers)

    assert world.limits.is_shut(address)


def test_processes_count_together(redis_url: str) -> None:
    """Two processes with one Redis share a tenant's limit."""
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        redis.delete(*(redis.keys("modelpress:rate*") or ["-"]))
        first, second = (RateLimits.over(redis, 3, 0) for _ in range(2))
        standings = [each.count("acme") for each in (first, second, first, second)]

    assert [each and each.refused for each in standings] == [False, False, False, True]


def test_without_redis_everybody_may_call() -> None:
    """A Redis that is away is not asked again for a while, and keeps nobody out."""
    limits = RateLimits.over(Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True), 1, 1)

    assert [limits.count("acme") for _ in range(3)] == [None] * 3
    assert [limits.fail("203.0.113.9") for _ in range(3)] == [False] * 3


def test_a_long_queue_takes_no_more(world: World) -> None:
    """From the limit on, what makes a job is answered 503 with a time to come again, and nothing is accepted."""
    world.queue.length = world.settings.queue_limit_jobs
    answer = world.call("POST", "/v1/compressions", json=REQUEST)
    world.queue.length -= 1
    later = world.call("POST", "/v1/compressions", json=REQUEST)

    assert (answer.status_code, answer.get_json()["code"]) == (503, "overloaded")
    assert answer.headers["Retry-After"] == "30"
    assert (later.status_code, len(world.ledger.jobs)) == (202, 1)


def test_a_large_limit_is_held_by_processes_that_count_on_their_own() -> None:
    """Two processes that count some calls at a time let a tenant have its limit, and hardly more."""
    shared, now = MemoryStorage(), time.time()
    processes = [RateLimits(shared, 1000, 0, clock=lambda: now) for _ in range(2)]
    standings = [each.count("acme") for _ in range(600) for each in processes]
    let_in = sum(standing is not None and not standing.refused for standing in standings)

    assert 980 <= let_in <= 1020


def test_far_from_its_limit_a_tenant_costs_few_questions() -> None:
    """Of fifty calls in one second, storage hears of a few at a time, and the answers count down all the same."""
    asked: list[int] = []

    class Listening(MemoryStorage):
        """Counts what it is asked."""

        def acquire_sliding_window_entry(self, *args: Any, **kwargs: Any) -> bool:
            """Count the question, and answer it."""
            asked.append(1)
            return super().acquire_sliding_window_entry(*args, **kwargs)

    limits = RateLimits(Listening(), 1000, 0, clock=lambda: 1000.0)
    left = [standing.remaining for _ in range(50) if (standing := limits.count("acme"))]

    assert left == list(range(999, 949, -1))
    assert len(asked) < 10

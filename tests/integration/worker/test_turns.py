"""Tenants take turns at the workers."""

from bench import Bench, wait

MANY = 100


def test_a_hundred_jobs_of_one_tenant_hold_up_nobody(bench: Bench) -> None:
    """A job that another tenant submits after a hundred of the first is done when one or two of those are."""
    many = [bench.submit("succeed", tenant="many") for _ in range(MANY)]
    single = bench.submit("succeed", tenant="single")
    bench.start_worker()
    wait(lambda: bench.job(single).state.terminal)
    ended = sum(bench.job(each).state.terminal for each in many)

    assert bench.job(single).state == "succeeded"
    assert ended <= 2

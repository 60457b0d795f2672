"""Tenants take turns at the workers."""

from bench import Bench, wait

MANY, FEW = 100, 4


def test_a_hundred_jobs_of_one_tenant_hold_up_nobody(bench: Bench) -> None:
    """A job that another tenant submits after a hundred of the first is done when one or two of those are."""
    many = [bench.submit("succeed", tenant="many") for _ in range(MANY)]
    single = bench.submit("succeed", tenant="single")
    bench.start_worker()
    wait(lambda: bench.job(single).state.terminal)
    ended = sum(bench.job(each).state.terminal for each in many)

    assert bench.job(single).state == "succeeded"
    assert ended <= 2


def test_a_tenant_has_no_more_jobs_under_way_than_it_may(bench: Bench) -> None:
    """With room for one job at a time and two workers, all end, and no two are ever seen running together."""
    bench.state.tenants.set("single", {"running_jobs": 1})
    jobs = [bench.submit("succeed", tenant="single") for _ in range(FEW)]
    bench.start_worker()
    bench.start_worker()
    most = 0

    def over() -> bool:
        nonlocal most
        bench.janitor.round()
        seen = [bench.job(each) for each in jobs]
        most = max(most, sum(each.state == "running" for each in seen))
        return all(each.state.terminal for each in seen)

    wait(over)

    assert most <= 1
    assert {bench.job(each).state for each in jobs} == {"succeeded"}

"""How models are timed in pairs, with a stopwatch that does not depend on any clock."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle

import pytest
import torch

from jobs.contract.errors import CancelledError
from jobs.contract.spec import InputSpec
from jobs.profiling import latency
from jobs.profiling.latency import (
    PairedTimes,
    Pass,
    pinned_threads,
    speedup,
    stopwatch_for,
    summarise,
    time_pairs,
    wall_ms,
)

TEXT = InputSpec("text", tokens=8)


class Diary:
    """Two passes that write down when they run, and a stopwatch that reads their times from lists [ms]."""

    def __init__(self, dense: Iterator[float], compressed: Iterator[float]) -> None:
        self.ran: list[str] = []
        self._times = {"dense": dense, "compressed": compressed}

    def dense(self) -> None:
        """Run the dense model."""
        self.ran.append("dense")

    def compressed(self) -> None:
        """Run the compressed model."""
        self.ran.append("compressed")

    def stopwatch(self, run: Pass) -> float:
        """Run, and return the next time of whatever ran."""
        run()
        return next(self._times[self.ran[-1]])


def silent(done: int, total: int) -> None:
    """Hear nothing."""


def timed(diary: Diary, repeats: int, progress: Callable[[int, int], object] = silent) -> PairedTimes:
    """Return the pairs of *diary*."""
    return time_pairs(diary.dense, diary.compressed, repeats=repeats, stopwatch=diary.stopwatch, progress=progress)


def test_pairs_alternate_their_order() -> None:
    """Neighbouring pairs begin with different models, so that neither always runs on a warmed-up machine."""
    diary = Diary(cycle([400.0]), cycle([300.0]))

    times = timed(diary, repeats=4)

    assert times == PairedTimes(dense=(400.0,) * 4, compressed=(300.0,) * 4)
    assert diary.ran[-8:] == ["dense", "compressed", "compressed", "dense"] * 2


def test_warm_up_lasts_until_times_are_stable() -> None:
    """Passes that still become faster are thrown away."""
    falling = [4000.0, 2000.0, 1000.0, 510.0, 500.0]
    diary = Diary(iter([*falling, *[500.0] * 3]), cycle([600.0]))

    times = timed(diary, repeats=3)

    assert times.dense == (500.0,) * 3


def test_warm_up_ends_even_when_times_never_settle() -> None:
    """A restless machine is measured too, after the most warm-up pairs."""
    diary = Diary(cycle([100.0, 900.0]), cycle([500.0]))

    timed(diary, repeats=5)

    assert len(diary.ran) == 2 * (latency.WARM_UP_ROUNDS[1] + 5)


def test_short_passes_are_repeated_more_often() -> None:
    """Passes of 5 ms are repeated until they add up to half a second, very short ones only so often."""
    assert len(timed(Diary(cycle([5.0]), cycle([9.0])), repeats=20).dense) == 100
    assert len(timed(Diary(cycle([0.01]), cycle([0.01])), repeats=20).dense) == latency.MOST_EXTRA_ROUNDS
    assert len(timed(Diary(cycle([800.0]), cycle([700.0])), repeats=20).dense) == 20


def test_progress_counts_pairs_and_may_end_them() -> None:
    """Each pair is told, and a caller who changes their mind is heard between two pairs."""
    told: list[tuple[int, int]] = []

    def until_two(done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            raise CancelledError("Enough.")

    with pytest.raises(CancelledError):
        timed(Diary(cycle([800.0]), cycle([700.0])), 5, until_two)

    assert told == [(1, 5), (2, 5)]
    assert gc.isenabled()


def test_garbage_is_not_collected_while_timing() -> None:
    """The collector rests during passes and works again afterwards."""
    seen: set[bool] = set()
    time_pairs(
        lambda: seen.add(gc.isenabled()), lambda: None, repeats=1, stopwatch=lambda run: run() or 900.0, progress=silent
    )

    assert seen == {False}
    assert gc.isenabled()


class Stream:
    """A GPU that writes down what it is asked to do, whose clock goes on by 7 ms with each run."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.clock_ms = 0.0

    @contextmanager
    def device(self, wanted: torch.device) -> Iterator[None]:
        """Make a device the current one."""
        self.diary.append(f"on {wanted}")
        yield
        self.diary.append("off")

    def synchronize(self) -> None:
        """Wait for all that was asked before."""
        self.diary.append("wait for all")

    def run(self) -> None:
        """Compute."""
        self.diary.append("run")
        self.clock_ms += 7.0


class Event:
    """A moment in the stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.at_ms = stream, -1.0

    def record(self) -> None:
        """Hold the moment."""
        self.stream.diary.append("record")
        self.at_ms = self.stream.clock_ms

    def synchronize(self) -> None:
        """Wait until it has come."""
        self.stream.diary.append("wait for it")

    def elapsed_time(self, later: "Event") -> float:
        """Return the time from here to *later* [ms]."""
        return later.at_ms - self.at_ms


def test_a_gpu_is_timed_between_events_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the model's own device: what went before is waited for, and the end of the pass before the clock is read."""
    stream = Stream()
    monkeypatch.setattr(torch.cuda, "device", stream.device)
    monkeypatch.setattr(torch.cuda, "synchronize", stream.synchronize)
    monkeypatch.setattr(torch.cuda, "Event", lambda *, enable_timing: Event(stream) if enable_timing else None)

    times = time_pairs(
        stream.run, stream.run, repeats=6, stopwatch=stopwatch_for(torch.device("cuda:1")), progress=silent
    )

    once = ["on cuda:1", "wait for all", "record", "run", "record", "wait for it", "off"]
    assert stream.diary[:14] == once * 2
    assert set(times.dense) == {7.0}


def test_the_cpu_is_timed_by_the_clock_on_the_wall() -> None:
    """What runs on the CPU needs nothing but a clock."""
    assert stopwatch_for(torch.device("cpu")) is wall_ms


def test_the_summary_states_median_spread_and_minimum() -> None:
    """Five passes give their median, interquartile range and minimum."""
    summary = summarise([5.0, 1.0, 2.0, 4.0, 3.0], threads=1, device="cpu", dtype="float32")

    assert (summary.p50, summary.iqr, summary.min, summary.n) == (3.0, 2.0, 1.0, 5)


def test_a_clear_speed_up_is_conclusive() -> None:
    """Ratios that all lie near 2 give 2, in an interval that leaves 1 out."""
    dense = tuple(100.0 + wobble for wobble in (0, 3, -2, 5, 1, -4, 2, 0))

    found = speedup(PairedTimes(dense, (50.0,) * 8), TEXT)

    assert found.conclusive
    assert 1.9 < found.low <= found.ratio <= found.high < 2.2


def test_noise_around_one_is_not_conclusive() -> None:
    """Ratios on both sides of 1 leave the question open."""
    found = speedup(PairedTimes((100.0, 120.0, 80.0, 110.0, 95.0, 90.0, 105.0), (100.0,) * 7), TEXT)

    assert not found.conclusive
    assert found.low <= 1 <= found.high


def test_few_pairs_are_never_conclusive() -> None:
    """Five pairs cannot tell, however far apart the models are."""
    assert not speedup(PairedTimes((100.0,) * 5, (10.0,) * 5), TEXT).conclusive
    assert speedup(PairedTimes((100.0,) * 6, (10.0,) * 6), TEXT).conclusive


def test_the_interval_is_the_same_for_the_same_seed() -> None:
    """The bootstrap draws from the seed alone."""
    times = PairedTimes(tuple(float(90 + step * 7 % 23) for step in range(12)), (60.0,) * 12)

    assert speedup(times, TEXT, seed=1) == speedup(times, TEXT, seed=1)


def test_a_ratio_pairs_what_ran_together() -> None:
    """A machine that slows down for both models of a pair changes no ratio."""
    slow_down = (1.0, 1.0, 4.0, 1.0, 9.0, 1.0)
    times = PairedTimes(tuple(30.0 * by for by in slow_down), tuple(20.0 * by for by in slow_down))

    found = speedup(times, TEXT)

    assert (found.low, found.ratio, found.high) == pytest.approx((1.5, 1.5, 1.5))


def test_threads_are_pinned_and_given_back() -> None:
    """Inside the block torch has the asked-for threads, after it those of before, errors or not."""
    before = torch.get_num_threads()
    seen: list[int] = []

    def cancelled() -> None:
        with pinned_threads(before + 1):
            seen.append(torch.get_num_threads())
            raise CancelledError("Stop.")

    with pytest.raises(CancelledError):
        cancelled()

    assert seen == [before + 1]
    assert torch.get_num_threads() == before


def test_the_real_stopwatch_runs_once() -> None:
    """The wall clock gives a duration and runs the pass a single time."""
    ran: list[int] = []

    taken = wall_ms(lambda: ran.append(1))

    assert ran == [1]
    assert taken >= 0

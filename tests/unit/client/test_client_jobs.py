"""A job in the client: waiting, events, results."""

import builtins
import sys
import time
from types import ModuleType
from typing import Any

import pytest
from client_fakes import JOB, RETRY, FakeService, event, job, stream
from client_loopback import HANG_UP, Reply, problem
from modelpress import Event, Job, ModelPress, errors, progress, waiting

INPUT = {"kind": "audio", "batch_size": 1, "seconds": 10.0, "tokens": None, "pixels": None}


def test_wait_returns_when_the_job_has_ended(client: ModelPress, service: FakeService) -> None:
    """The job is looked at until the service says that it is over."""
    service.story = [job("queued"), job("running"), job("running"), job("succeeded")]

    waited = client.job(JOB).wait(timeout=10)

    assert (waited.state, waited.status, waited.terminal) == ("succeeded", "succeeded", True)
    assert int(service.asked[-1].query["wait"]) > 0


@pytest.mark.parametrize(("where", "shown"), [("builtins", True), ("sys.modules", False)])
def test_a_bar_is_shown_where_somebody_watches(where: str, shown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook, that is, and not in a program that has loaded what starts notebooks."""
    if where == "builtins":
        monkeypatch.setattr(builtins, "get_ipython", lambda: None, raising=False)
    else:
        monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))

    assert progress.is_wanted(None) is shown


@pytest.mark.parametrize("state", ["failed", "cancelled", "expired"])
def test_wait_does_not_raise_for_a_bad_end(client: ModelPress, service: FakeService, state: str) -> None:
    """How it ended is for the caller to look at."""
    service.story = [job("running"), job(state)]

    assert client.job(JOB).wait(timeout=10).state == state


def test_states_and_fields_of_the_future_do_no_harm(client: ModelPress, service: FakeService) -> None:
    """Waiting goes by what the service says is the end, so that it may invent states and fields."""
    service.story = [
        job("hibernating", mood="calm", progress={"stage": "dreaming", "fraction": 0.5, "depth": {"level": 2}}),
        job("transcended", terminal=True, error=None),
    ]

    waiting_job = client.job(JOB)

    assert (waiting_job.state, waiting_job.terminal, waiting_job.record.mood) == ("hibernating", False, "calm")
    assert waiting_job.progress is not None
    assert waiting_job.progress.depth.level == 2
    assert waiting_job.wait(timeout=10).state == "transcended"


def test_techniques_of_the_future_do_no_harm(client: ModelPress) -> None:
    """The catalogue is passed on as it is."""
    assert [each.name for each in client.techniques()] == ["head_pruning", "teleportation"]


def test_wait_survives_network_failures(client: ModelPress, service: FakeService) -> None:
    """More failures in a row than any single call is tried do not end the wait."""
    service.story = [job("running"), job("running"), job("succeeded")]
    waiting_job = client.job(JOB)
    service.fail_with(*[HANG_UP, problem(503, "not_ready"), problem(429, "rate_limited")] * 3)

    assert waiting_job.wait(timeout=20).state == "succeeded"


def test_wait_ends_when_an_outage_is_too_long(
    client: ModelPress, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a timeout, a service that stays away does not hold the caller for ever."""
    monkeypatch.setattr(waiting, "OUTAGE_LIMIT_S", 0.1)
    service.story = [job("running")]
    waiting_job = client.job(JOB)
    service.fail_with(*[HANG_UP] * 100)

    with pytest.raises(errors.NetworkError):
        waiting_job.wait()


def test_wait_passes_on_what_will_not_pass(client: ModelPress, service: FakeService) -> None:
    """A revoked key is no reason to keep asking."""
    service.story = [job("running")]
    waiting_job = client.job(JOB)
    service.fail_with(problem(401, "unauthorized"))

    with pytest.raises(errors.AuthenticationError):
        waiting_job.wait(timeout=10)


@pytest.mark.parametrize("faults", [0, 100])
def test_only_the_callers_own_timeout_is_a_timeout(client: ModelPress, service: FakeService, faults: int) -> None:
    """When the time is up the wait ends, on a good network and on a bad one; the job goes on."""
    service.story = [job("running")]
    waiting_job = client.job(JOB)
    service.fail_with(*[HANG_UP] * faults)

    begun = time.monotonic()
    with pytest.raises(TimeoutError, match="goes on"):
        waiting_job.wait(timeout=0.3)
    assert 0.3 <= time.monotonic() - begun < 2


def test_each_event_is_handed_over_once_and_in_order(client: ModelPress, service: FakeService) -> None:
    """Pages, lost answers and the last events after the end: nothing is repeated, nothing is missed."""
    service.story = [job("queued"), job("running"), job("running"), job("succeeded")]
    service.events_by_look = {
        1: [event(1), event(2), event(3)],
        2: [event(4)],
        3: [event(number) for number in range(5, 10)],
    }
    waiting_job = client.job(JOB)
    seen: list[str] = []

    def note(new: Any) -> None:
        seen.append(new.message)
        if new.message in {"step 2", "step 6"}:
            service.fail_with(HANG_UP)

    waiting_job.wait(timeout=10, on_event=note)

    assert seen == [f"step {number}" for number in range(1, 10)]
    assert waiting_job.wait(timeout=10, on_event=note) is waiting_job
    assert len(seen) == 9


def test_a_page_lost_half_way_repeats_no_event(client: ModelPress, service: FakeService) -> None:
    """Events are handed over only when all new pages are there, and then once."""
    service.story = [job("succeeded")]
    service.events = [event(number) for number in range(1, 6)]
    waiting_job = client.job(JOB)
    seen: list[str] = []
    answer = service._answer

    def failing_second_page(asked: Any) -> Any:
        if asked.query.get("after") == event(2)["id"]:
            service._answer = answer
            return HANG_UP
        return answer(asked)

    service._answer = failing_second_page
    waiting_job.wait(timeout=10, on_event=lambda new: seen.append(new.id))

    assert seen == [each["id"] for each in service.events]


def test_a_stream_is_followed_to_its_end(client: ModelPress, service: FakeService) -> None:
    """Where the service streams, one request brings all events in order, and how the job has ended."""
    service.streams, service.events = True, [event(number) for number in range(5)]
    waited, told = client.job(JOB), []
    service.story = [job("failed")]
    waited.wait(timeout=10, on_event=told.append)

    assert [each.id for each in told] == [each["id"] for each in service.events]
    assert (waited.state, len(service.asked)) == ("failed", 2)


@pytest.mark.parametrize("cut_after", [0, 5, 150, 400, 900])
def test_a_broken_stream_is_gone_on_with(client: ModelPress, service: FakeService, cut_after: int) -> None:
    """Wherever a stream breaks, the next one goes on after the last event that came whole."""
    service.streams, service.events = True, [event(number) for number in range(5)]
    whole = stream(service.events, job("succeeded"))
    followed = client.job(JOB)
    broken = Reply(body=whole, headers={"Content-Type": "text/event-stream"}, cut_after=cut_after)
    service.fail_with(broken, HANG_UP)

    assert [each.id for each in followed.events(follow=True)] == [each["id"] for each in service.events]
    assert followed.terminal


@pytest.mark.parametrize("refusal", [problem(429, "too_many_streams"), problem(503, "not_ready"), Reply(406)])
def test_who_gets_no_stream_reads_pages(client: ModelPress, service: FakeService, refusal: Reply) -> None:
    """Where no stream is to be had, the events come page by page, each once."""
    service.streams, service.events = True, [event(number) for number in range(5)]
    followed = client.job(JOB)
    service.fail_with(refusal)

    assert [each.id for each in followed.events(follow=True)] == [each["id"] for each in service.events]
    assert followed.terminal


def test_events_that_are_gone_are_passed_over(client: ModelPress, service: FakeService) -> None:
    """Where what followed the last event read is no longer kept, reading goes on with what is."""
    service.events, looked = [event(number) for number in range(2)], client.job(JOB)
    service.fail_with(problem(410, "events_gone"))

    assert [each.id for each in looked.events("0000-0")] == [each["id"] for each in service.events]


def test_a_wait_with_events_keeps_its_time(client: ModelPress, service: FakeService) -> None:
    """A stream that goes on and on does not keep anybody waiting longer than they wanted."""
    service.story = [job("running")]
    waited = client.job(JOB)

    begun = time.monotonic()
    with pytest.raises(errors.WaitTimeoutError, match="running"):
        waited.wait(timeout=0.3, on_event=print)
    assert time.monotonic() - begun < 3


def test_an_event_is_a_line() -> None:
    """Printed, an event says when, where and what, as far as it knows."""
    told = {"id": "1-0", "at": "2026-01-02T03:04:05Z", "type": "progress", "stage": "write", "message": "almost"}

    assert str(Event({**told, "data": {"step": 1, "steps": 2}})) == "2026-01-02T03:04:05Z  write  1/2  almost"
    assert str(Event({"message": "The job succeeded.", "stage": None, "data": {}})) == "The job succeeded."


def test_events_are_read_over_all_pages(client: ModelPress, service: FakeService) -> None:
    """The iterator knows of no pages, and begins after any event."""
    service.events = [event(number) for number in range(1, 6)]
    listed = client.job(JOB)

    assert [each.message for each in listed.events()] == [f"step {number}" for number in range(1, 6)]
    assert [each.stage for each in listed.events(after=event(4)["id"])] == ["compress"]


def test_jobs_are_listed_over_all_pages(client: ModelPress, service: FakeService) -> None:
    """The iterator follows the cursor and keeps the filters."""
    assert [each.state for each in client.jobs(label="team=speech")] == ["running", "failed", "queued"]
    assert [each.query.get("label") for each in service.asked] == ["team=speech"] * 2


def test_cancelling_shows_the_new_state(client: ModelPress) -> None:
    """The job knows at once what the service answered."""
    assert client.job(JOB).cancel().state == "cancelling"


def test_trying_again_is_another_job(client: ModelPress) -> None:
    """A retry is a job of its own, which says what it is a retry of."""
    again = client.job(JOB).retry()

    assert (again.id, again.record.retry_of) == (RETRY, JOB)


def test_a_failed_job_has_no_report(client: ModelPress, service: FakeService) -> None:
    """Asking for the result of a failed job raises why it failed."""
    service.story = [job("failed")]
    failed = client.job(JOB)

    for result in (failed.report, failed.artifacts, lambda: failed.download("never")):
        with pytest.raises(errors.JobFailedError, match="no anatomy") as caught:
            result()
        assert (caught.value.code, caught.value.stage) == ("unsupported_model", "load")


def test_a_running_job_has_no_report_yet(client: ModelPress, service: FakeService) -> None:
    """Asking too early is told apart from a job that is not there."""
    service.story = [job("running")]

    with pytest.raises(errors.NotReadyError):
        client.job(JOB).report()


def test_a_report_is_read_by_attribute_and_printed_as_a_table(client: ModelPress, service: FakeService) -> None:
    """Every figure is an attribute, and the printed form sets dense beside compressed."""
    service.report = _report()

    report = client.job(JOB).report()

    assert report.compressed.params_total == 47_000_000
    assert report.dense.inputs[0].latency_ms.p50 == 200.0
    assert report.to_json() == service.report
    text = str(report)
    assert ["parameters", "94,000,000", "47,000,000", "50.0%"] in [line.split() for line in text.splitlines()]
    assert "real-time factor, 1 × 10 seconds" in text
    assert "Speed-up, 1 × 10 seconds: 1.90 (95 % interval 1.80 to 2.00)" in text
    assert "cosine 0.9100, relative error 0.2000, 8 samples of synthetic inputs" in text
    assert "Warning: synthetic inputs say little" in text
    probe = "0.930 (0.880 to 0.960) -> 0.700 (0.620 to 0.770) -> 0.810 (0.740 to 0.870)"
    assert f"Classification of speaker, accuracy: {probe}" in text


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ({"ratio": 1.02, "low": 0.97, "high": 1.05, "conclusive": False}, "No speed-up shown, 1 × 10 seconds: 1.02"),
        ({"ratio": 1.3, "low": 1.2, "high": 1.4, "conclusive": False}, "No speed-up shown, 1 × 10 seconds: 1.30"),
        ({"ratio": 0.8, "low": 0.7, "high": 0.9, "conclusive": True}, "Slower, 1 × 10 seconds: 0.80"),
    ],
)
def test_what_is_no_speed_up_is_not_called_one(
    client: ModelPress, service: FakeService, found: dict[str, Any], line: str
) -> None:
    """An interval that holds 1, or pairs too few to tell, are no speed-up, and what is slower is called so."""
    service.report = _report() | {"speedup": [{"input": INPUT, **found}]}

    lines = str(client.job(JOB).report()).splitlines()

    assert any(each.startswith(line) for each in lines)
    assert not any(each.startswith("Speed-up") for each in lines)


def test_further_runtimes_are_printed_with_their_gain(client: ModelPress, service: FakeService) -> None:
    """Both latencies stand in the table; below it what each runtime does to the speed-up, by itself and in all."""
    gain = {"input": INPUT, "ratio": 1.3, "low": 1.2, "high": 1.4, "conclusive": True}
    under = {"runtime": "onnxruntime", "input": INPUT, "gain": gain}
    pair = {"dense": {"p50": 150.0}, "compressed": {"p50": 75.0}, "speedup": gain | {"ratio": 2.0}}
    service.report = _report() | {"runtimes": [under | pair | {"overall": gain | {"ratio": 2.6}}]}

    text = str(client.job(JOB).report())

    cells = [line.split("  ") for line in text.splitlines()]
    row = next([cell.strip() for cell in line if cell] for line in cells if "onnxruntime" in line[0])
    assert row == ["latency [ms] under onnxruntime, 1 × 10 seconds", "150", "75", "50.0%"]
    assert "Speed-up, 1 × 10 seconds, under onnxruntime: 2.00" in text
    assert "Speed-up, 1 × 10 seconds, of onnxruntime itself: 1.30" in text
    assert "Speed-up, 1 × 10 seconds, of both: 2.60" in text


def test_a_profile_is_printed_with_its_runtimes(client: ModelPress, service: FakeService) -> None:
    """A single model has its latency under each runtime, and what that gains over plain PyTorch."""
    gain = {"input": INPUT, "ratio": 1.01, "low": 0.9, "high": 1.1, "conclusive": False}
    latency = {"p50": 150.0, "iqr": 2.0, "n": 20}
    under = {"runtime": "torch_compile", "input": INPUT, "gain": gain, "latency_ms": latency}
    service.report = {"profile": _profile(94_000_000, 200.0), "modules": [], "runtimes": [under]}

    text = str(client.job(JOB).report())

    assert "latency [ms] under torch_compile, 1 × 10 seconds  150 (half of 20 within 2)" in text
    assert "No speed-up shown, 1 × 10 seconds, of torch_compile: 1.01 (95 % interval 0.90 to 1.10)" in text


def test_a_report_of_the_future_still_prints(client: ModelPress, service: FakeService) -> None:
    """Figures that are missing, or new, do not break the table."""
    service.report = _report()
    for side in ("dense", "compressed"):
        del service.report[side]["peak_memory_bytes"]
        service.report[side]["joules"] = 3
        service.report[side]["inputs"][0]["latency_ms"] = None
    service.report |= {"speedup": [], "fidelity": None, "karma": "good"}

    report = client.job(JOB).report()

    assert "parameters" in str(report)
    assert "latency" not in str(report)
    assert report.karma == "good"
    with pytest.raises(AttributeError, match="karma"):
        report.carma  # noqa: B018 - reading it is the test


def test_a_job_shows_itself(client: ModelPress) -> None:
    """The text form of a job says which it is and how it stands."""
    shown: Job = client.job(JOB)

    assert repr(shown) == f"<Job {JOB} succeeded>"


def _report() -> dict[str, Any]:
    return {
        "dense": _profile(94_000_000, 200.0),
        "compressed": _profile(47_000_000, 105.0),
        "speedup": [{"input": INPUT, "ratio": 1.9, "low": 1.8, "high": 2.0, "conclusive": True}],
        "fidelity": {"cosine": 0.91, "relative_error": 0.2, "samples": 8, "source": "synthetic"},
        "fidelity_before_recovery": None,
        "quality": [
            {
                "probe": "classification",
                "label": "speaker",
                "metric": "accuracy",
                "dense": {"value": 0.93, "low": 0.88, "high": 0.96, "samples": 150},
                "before_recovery": {"value": 0.7, "low": 0.62, "high": 0.77, "samples": 150},
                "compressed": {"value": 0.81, "low": 0.74, "high": 0.87, "samples": 150},
                "control": None,
            }
        ],
        "warnings": ["synthetic inputs say little"],
    }


def _profile(parameters: int, latency_ms: float) -> dict[str, Any]:
    return {
        "params_total": parameters,
        "params_nonzero": parameters,
        "params_encoder": parameters,
        "params_encoder_nonzero": parameters,
        "bytes_stored": 4 * parameters,
        "peak_memory_bytes": 5 * parameters,
        "inputs": [
            {
                "input": INPUT,
                "macs_executed": 100 * parameters,
                "macs_theoretical": 100 * parameters,
                "uncounted_ops": {},
                "latency_ms": {"p50": latency_ms, "iqr": 1.0, "min": latency_ms, "n": 20, "threads": 1},
                "real_time_factor": latency_ms / 10_000,
            }
        ],
    }


def test_a_plan_is_asked_for_like_a_compression(client: ModelPress, service: FakeService) -> None:
    """The same arguments give the same body, at another address."""
    steps = [{"technique": "head_pruning", "heads_removed": 0.5}]
    for ask in (client.plan, client.compress):
        ask(model="s3://models/x", steps=steps, output={"storage": "bitmask"}, labels={"team": "speech"})

    assert [each.path for each in service.asked] == ["/v1/plans", "/v1/compressions"]
    assert service.created[0] == service.created[1]
    assert service.created[0]["output"] == {"storage": "bitmask"}


def test_a_profile_is_asked_for(client: ModelPress, service: FakeService) -> None:
    """A model and how to measure it go out as they were given."""
    client.profile(model="s3://models/x", profile={"threads": 2}, labels={"team": "speech"})

    assert [each.path for each in service.asked] == ["/v1/profiles"]
    asked = {"model": {"uri": "s3://models/x"}, "profile": {"threads": 2}, "labels": {"team": "speech"}}
    assert service.created == [asked]


def test_the_report_of_a_profile_prints_one_column(client: ModelPress, service: FakeService) -> None:
    """Each figure of the model stands beside its name, times with their spread."""
    service.report = {"profile": _profile(100, 8.0), "modules": [], "warnings": ["Mind this."]}

    lines = str(client.job(JOB).report()).splitlines()

    assert lines[0].split() == ["parameters", "100"]
    assert any(line.startswith("latency") and line.endswith("8 (half of 20 within 1)") for line in lines)
    assert lines[-1] == "Warning: Mind this."


def test_the_report_of_a_plan_prints_what_it_has(client: ModelPress, service: FakeService) -> None:
    """A plan has no times, and its table no rows for them."""
    dense = {"params_total": 100, "bytes_stored": 400, "inputs": [{"input": INPUT, "macs_executed": 10}]}
    compressed = dense | {"params_total": 50}
    service.report = {"dense": dense, "compressed": compressed, "exact": False, "warnings": ["Perhaps not."]}

    text = str(client.job(JOB).report())

    assert [line.split()[0] for line in text.splitlines()] == ["dense", "parameters", "bytes", "MACs", "Warning:"]
    assert text.splitlines()[1].split() == ["parameters", "100", "50", "50.0%"]

"""From children's reports to one report: what was measured, and nothing else."""

import pytest
from made_reports import DENSE_MACS, DENSE_MS, DENSE_PARAMS, ENVIRONMENT, ended, failed, pending, probe

from jobs.contract.landscape import LandscapePoint, LandscapeReport
from jobs.contract.spec import InputSpec
from jobs.landscape.assemble import assemble
from jobs.landscape.outcome import DENSE, SAME_STEPS


def point(report: LandscapeReport, name: str) -> LandscapePoint:
    """Return the point of *report* called *name*."""
    (found,) = [each for each in report.points if each.name == name]
    return found


def test_before_any_point_ends_there_is_nothing_to_say() -> None:
    """Points that run are listed without figures, and nothing is compared or answered."""
    report = assemble([pending("a"), pending("b")])

    assert [each.name for each in report.points] == [DENSE, "a", "b"]
    assert not report.complete
    assert (report.measures, report.fronts, report.answers, report.environments) == ((), (), (), ())
    assert point(report, DENSE).state == "running"


def test_a_failed_point_does_not_lose_the_others() -> None:
    """A landscape with failures is complete, says who failed and why, and compares the rest."""
    report = assemble([ended("good", "head_pruning", params=0.5), failed("bad")])

    assert report.complete
    assert point(report, "bad").error == {"code": "invalid_request", "message": "The rank does not pay."}
    assert point(report, "good").values["params_total"] == DENSE_PARAMS / 2
    assert any("failed: bad" in each for each in report.warnings)


def test_the_dense_point_is_what_the_runs_measured_of_it() -> None:
    """Its counts are the reports', its time the median over runs, and relative to itself it is 1."""
    report = assemble([ended("a", "a", params=0.5), ended("b", "b", params=0.4)])
    dense = point(report, DENSE)

    assert dense.state == "succeeded"
    assert dense.values["params_total"] == DENSE_PARAMS
    assert dense.values["macs_executed"] == DENSE_MACS
    assert dense.values["latency_ms"] == DENSE_MS
    assert dense.values["latency_relative"] == 1
    assert "latency_relative" not in dense.intervals


def test_relative_wall_clock_is_what_the_pairs_gave() -> None:
    """It is the inverse of the speed-up, and the ends of its interval change places."""
    report = assemble([ended("a", "a", params=0.5, time=0.6, spread=0.05)])

    assert point(report, "a").values["latency_relative"] == pytest.approx(0.6)
    assert point(report, "a").intervals["latency_relative"] == pytest.approx((0.55, 0.65))


def test_what_was_not_timed_has_no_times() -> None:
    """Without a clock there is no measure of it, for the dense model neither."""
    report = assemble([ended("a", "a", params=0.5, timed=False)])
    names = {each.name for each in report.measures}

    assert names.isdisjoint({"latency_relative", "latency_ms", "real_time_factor"})
    assert set(point(report, DENSE).values) <= names


def test_every_value_has_a_measure_and_every_measure_a_protocol() -> None:
    """Nothing is told that does not say how it was taken."""
    audio = InputSpec("audio", seconds=10.0)
    report = assemble([ended("a", "a", params=0.5, given=audio, quality=[probe(0.8)], control=0.9), pending("b")])
    names = {each.name for each in report.measures}

    assert all(set(each.values) <= names and set(each.intervals) <= set(each.values) for each in report.points)
    assert all(each.protocol.endswith(".") and each.title for each in report.measures)
    assert {"macs_per_second", "real_time_factor", "classification_digit"} <= names


def test_a_protocol_says_on_what_and_how_often() -> None:
    """Passes, threads, device, type, input and quiet are read off the reports."""
    report = assemble([ended("a", "a", params=0.5)])
    (relative,) = [each for each in report.measures if each.name == "latency_relative"]

    for said in ("20 pairs", "128 tokens, batch 1", "1 thread(s), cpu, float32", "no other job"):
        assert said in relative.protocol


def test_the_dense_model_after_the_same_steps_has_the_figures_of_its_shape() -> None:
    """Its quality was measured and its shape is the dense one's; it was not timed, and so has no time."""
    report = assemble([ended("a", "a", params=0.5, quality=[probe(0.8, control=0.93)], control=0.9)])
    control = point(report, SAME_STEPS)

    assert control.values["fidelity_cosine"] == 0.9
    assert control.values["classification_digit"] == 0.93
    assert control.values["params_total"] == DENSE_PARAMS
    assert not any(name.startswith(("latency", "params_nonzero", "bytes")) for name in control.values)


def test_without_a_control_there_is_no_point_for_it() -> None:
    """What was not asked for is not drawn."""
    assert SAME_STEPS not in {each.name for each in assemble([ended("a", "a")]).points}


def test_two_probes_of_one_label_keep_apart() -> None:
    """The second has a number."""
    report = assemble([ended("a", "a", quality=[probe(0.8), probe(0.7)])])

    assert point(report, "a").values["classification_digit"] == 0.8
    assert point(report, "a").values["classification_digit_2"] == 0.7


def test_environments_are_told_once() -> None:
    """Points of one machine share its line; another machine has its own, and a warning about milliseconds."""
    other = {**ENVIRONMENT, "logical_cpus": 64}
    report = assemble([ended("a", "a"), ended("b", "a"), ended("c", "a", environment=other)])

    assert report.environments == (ENVIRONMENT, other)
    assert any("compare times relative to dense" in each for each in report.warnings)


def test_a_source_that_changed_is_warned_of() -> None:
    """Points of two hashes are not of one model."""
    report = assemble([ended("a", "a"), ended("b", "a", sha256="b" * 64)])

    assert any(each.startswith("The source changed") for each in report.warnings)


def test_shared_warnings_are_told_once_and_others_pointed_at() -> None:
    """What every point says, the landscape says; who has more to say is named."""
    report = assemble([ended("a", "a", warnings=["Made up."]), ended("b", "a", warnings=["Made up.", "Odd."])])

    assert report.warnings == ("Made up.", "Read the warnings of b too.")
    assert point(report, "b").warnings == ("Made up.", "Odd.")


def test_too_few_pairs_give_no_interval() -> None:
    """An interval that leaves 1 out without being conclusive is not shown, and nothing is called faster by it."""
    outcome = ended("a", "head_pruning", params=0.5)
    assert outcome.report is not None
    outcome.report["speedup"][0]["conclusive"] = False
    report = assemble([outcome])

    assert point(report, "a").values["latency_relative"] == 0.5
    assert "latency_relative" not in point(report, "a").intervals
    assert not any("are faster" in each for each in report.answers)

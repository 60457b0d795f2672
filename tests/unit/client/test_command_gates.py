"""Gates of the command: what they look at, and how they judge."""

import pytest
from made_reports import child, probe
from modelpress.command.figures import FIGURES, figure
from modelpress.command.gates import Gate
from modelpress.report import Report

REPORT = Report(child(params=0.5, macs=0.4, time=0.5, spread=0.1, cosine=0.97, quality=[probe(0.85, label="speaker")]))
"""Half the parameters; twice as fast, between 1.67 and 2.5 times; accuracy between 0.83 and 0.87."""


@pytest.mark.parametrize(
    ("gate", "met"),
    [
        ("speedup>=1.5", True),
        ("speedup>=1.9", False),
        ("speedup<=2.4", False),
        ("speedup_median>=1.9", True),
        ("fidelity>=0.95", True),
        ("fidelity > 97%", False),
        ("params_ratio<=0.5", True),
        ("params<=10M", True),
        ("params<10M", False),
        ("macs_ratio<0.4", False),
        ("macs_ratio<=0.4", True),
        ("latency_ms==20", True),
        ("score>=0.83", True),
        ("score>=0.84", False),
        ("score.speaker<=0.9", True),
        ("score_ratio>=0.9", True),
    ],
)
def test_the_whole_interval_has_to_meet_a_gate(gate: str, met: bool) -> None:
    """What chance may explain does not pass; counts and medians are judged as they are."""
    assert Gate.parse(gate).judge(REPORT).met is met


@pytest.mark.parametrize("gate", ["score.digit>=0.1", "real_time_factor<=1", "speedup>=0.1"])
def test_what_a_report_lacks_meets_nothing(gate: str) -> None:
    """A figure that was not measured is no reason to go on, however low the bar."""
    verdict = Gate.parse(gate).judge(Report(child(timed=False)))

    assert not verdict.met
    assert "this report has no" in verdict.found


def test_a_plan_says_why_it_has_no_times() -> None:
    """Who gates a plan on speed learns what to do."""
    plan = Report({"dense": {"params_total": 4}, "compressed": {"params_total": 2}, "exact": True})

    assert "neither times nor quality" in Gate.parse("speedup>=1").judge(plan).found
    assert Gate.parse("params_ratio<=50%").judge(plan).met


def test_every_input_has_to_meet_a_gate() -> None:
    """A model that is faster on short inputs alone is not faster."""
    document = child(time=0.5)
    slower = {**document["speedup"][0], "low": 0.9, "high": 1.1}
    both = Report(document | {"speedup": [*document["speedup"], slower]})

    assert Gate.parse("speedup>=1.2").judge(Report(document)).met
    assert not Gate.parse("speedup>=1.2").judge(both).met


@pytest.mark.parametrize("gate", ["speedup", "speedup>=", ">=2", "speedup=>2", "speedup>=fast", "speedup>=2ms", ""])
def test_a_gate_of_another_form_is_refused(gate: str) -> None:
    """The message shows what was written."""
    with pytest.raises(ValueError, match="expected a"):
        Gate.parse(gate)


def test_an_unknown_figure_is_refused_with_those_there_are() -> None:
    """A slip of the pen gets the nearest name, and all of them."""
    with pytest.raises(ValueError, match=r"Did you mean fidelity\?.*speedup, .*score\.LABEL"):
        Gate.parse("fidelty>=0.9")


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_read_from_a_whole_report_or_from_none(name: str) -> None:
    """No figure stumbles over a report of another kind."""
    whole = figure(REPORT, name)

    assert bool(whole) is (name != "real_time_factor")  # which only audio has
    assert figure(Report({"points": [], "answers": []}), name) == []

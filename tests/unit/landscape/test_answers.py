"""The answers in words: what they say follows from figures, and what intervals leave open stays open."""

from made_reports import ended, probe

from jobs.landscape.assemble import assemble
from jobs.landscape.outcome import FIRST_LAYERS, PointOutcome


def said(*outcomes: PointOutcome) -> str:
    """Return the answers of a landscape, one a line."""
    return "\n".join(assemble(outcomes).answers)


def test_the_best_within_a_budget_is_named_with_its_figures() -> None:
    """The winner, its amount and the next series are there; a budget that nobody reaches says so."""
    text = said(
        ended("heads half", "head_pruning", params=0.5, cosine=0.9),
        ended("rank half", "low_rank", params=0.5, cosine=0.8),
    )

    assert (
        "Within 75 or 50 % of the dense model's parameters, head_pruning is best by cosine to the dense model: 0.9 at "
        "50 % (heads half); next is low_rank with 0.8."
    ) in text
    assert "No point is within 25 % of the dense model's parameters; the least is 50 % (heads half)." in text


def test_overlapping_intervals_are_not_told_apart() -> None:
    """Points are ranked all the same, and the sentence says what the ranking is worth."""
    close = said(
        ended("a", "head_pruning", params=0.5, quality=[probe(0.85)]),
        ended("b", "low_rank", params=0.5, quality=[probe(0.84)]),
    )
    apart = said(
        ended("a", "head_pruning", params=0.5, quality=[probe(0.85)]),
        ended("b", "low_rank", params=0.5, quality=[probe(0.7)]),
    )

    assert "head_pruning is best by accuracy (digit): 0.85 (0.83 to 0.87)" in close
    assert "next is low_rank with 0.84 (0.82 to 0.86) (not told apart: the intervals overlap)" in close
    assert "not told apart" not in apart


def test_zeros_change_neither_executed_macs_nor_wall_clock() -> None:
    """A landscape of weight pruning says so in numbers, and names no speed-up."""
    text = said(
        ended("half", "weight_pruning", zeros=0.5, time=1.0), ended("most", "weight_pruning", zeros=0.9, time=0.99)
    )

    assert "Of 2 smaller points none are faster" in text
    assert "weight_pruning (half and most) did not change the executed MACs, 2 G, though 10 to 50 %" in text
    assert "the wall-clock did not change: 0.99 to 1.00 times that of the dense model" in text


def test_other_times_for_the_same_work_say_how_far_times_are_off() -> None:
    """Zeros that seem to save time are no speed-up: the work is the same, and the clock was disturbed."""
    text = said(ended("half", "weight_pruning", zeros=0.5, time=0.9), ended("heads", "head_pruning", params=0.5))

    assert "Of 2 smaller points 1 is faster" in text
    assert "as the work is the same, a wall-clock of 0.90 times the dense one is how far times were off" in text
    assert "half executes" not in text


def test_smaller_and_not_faster_is_named() -> None:
    """Fewer parameters with an interval that includes 1 is no speed-up; one above 1 is called slower."""
    text = said(
        ended("even", "low_rank", params=0.7, time=0.99), ended("worse", "low_rank", params=0.8, time=1.1, spread=0.03)
    )

    assert "Smaller is not faster with low_rank (even and worse): 70 to 80 % of the parameters" in text
    assert "no 95 % interval lies below 1; slower: worse with 1.1 (1.07 to 1.13)." in text


def test_the_time_that_saved_macs_save_is_told() -> None:
    """Of the strongest cut of a series that is faster, MACs and wall-clock stand side by side."""
    text = said(ended("deep", "distillation", params=0.5, time=0.6), ended("light", "distillation", params=0.8))

    assert "Of 2 smaller points 2 are faster" in text
    assert "deep executes 50 % of the dense model's MACs in 60 % of its wall-clock (95 % interval 58 to 62 %)." in text


def test_without_a_clock_nothing_is_said_of_time() -> None:
    """An untimed landscape answers about sizes alone."""
    text = said(ended("a", "head_pruning", params=0.5, timed=False))

    assert "wall-clock" not in text
    assert "faster" not in text
    assert "parameters" in text


def test_controls_are_held_against_the_points() -> None:
    """The first layers and the dense model after the same steps are compared with what techniques give."""
    better = [probe(0.95, control=0.92)]
    text = said(
        ended("half the layers", FIRST_LAYERS, params=0.5, quality=[probe(0.6)]),
        ended("heads", "head_pruning", params=0.5, quality=better),
    )

    assert "half the layers, untrained, gives accuracy (digit) 0.6" in text
    assert "with no more MACs heads is better: 0.95" in text
    assert "The dense model itself goes from 0.9 (0.88 to 0.92) to 0.92 (0.9 to 0.94)" in text
    assert "heads beat the dense model; heads beat it after the same steps." in text


def test_the_knee_is_said_with_its_figures() -> None:
    """Where a front bends, the point, its quality and its cost are named."""
    text = said(
        ended("quarter", "a", params=0.25, cosine=0.3),
        ended("bend", "a", params=0.5, cosine=0.95),
        ended("most", "a", params=0.75, cosine=0.97),
    )

    assert "The knee of cosine to the dense model against parameters is bend: 0.95 at 50 %" in text

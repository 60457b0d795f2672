"""What a report says beside its figures, so that nobody reads more in them than they say."""

from dataclasses import replace

import pytest

from jobs.contract.report import Fidelity, InputProfile, Profile
from jobs.contract.spec import InputSpec
from jobs.contract.timing import Speedup
from jobs.reporting import cautions

TEXT = InputSpec("text", tokens=8)
CLOSE = Fidelity(1.0, 0.0, 8, "held_out")
DENSE = Profile(100, 100, 80, 80, 400, 1000, (InputProfile(TEXT, 640, 640, {}, None),))
ZEROS = replace(DENSE, params_nonzero=60)
FASTER, SLOWER = Speedup(TEXT, 1.5, 1.4, 1.6, True), Speedup(TEXT, 0.8, 0.7, 0.9, True)
UNDECIDED = Speedup(TEXT, 1.01, 0.98, 1.03, False)


def said(compressed: Profile, *speedups: Speedup) -> str:
    """Return all cautions in one text."""
    return " ".join(cautions(CLOSE, DENSE, compressed, speedups))


@pytest.mark.parametrize("found", [UNDECIDED, SLOWER])
def test_what_is_no_speed_up_is_said_to_be_none(found: Speedup) -> None:
    """An interval that holds 1, or lies below it, shows no speed-up; one above 1 anywhere is one."""
    assert "No speed-up is shown on this machine" in said(DENSE, found)
    assert "No speed-up" not in said(DENSE, found, FASTER)


def test_zeros_change_neither_macs_nor_wall_clock() -> None:
    """Of weight pruning the report says what stayed as it was: executed MACs, wall-clock and, unpacked, bytes."""
    assert "Unchanged: executed MACs, wall-clock as far as can be told, bytes stored." in said(ZEROS, UNDECIDED)
    assert "Unchanged: executed MACs, wall-clock as far as can be told." in said(
        replace(ZEROS, bytes_stored=200), UNDECIDED
    )


def test_wall_clock_is_called_unchanged_only_where_it_was_measured_so() -> None:
    """Where nothing was timed, or one side was faster, nothing is said of it."""
    assert "Unchanged: executed MACs, bytes stored." in said(ZEROS)
    assert "Unchanged: executed MACs, bytes stored." in said(ZEROS, SLOWER)


def test_smaller_matrices_are_no_matter_of_zeros() -> None:
    """A model with fewer parameters has nothing to explain."""
    assert "Unchanged" not in said(replace(ZEROS, params_total=60), FASTER)


def test_a_reason_is_given_where_nothing_was_timed() -> None:
    """Either no input was to be timed, or the model was never in memory as a whole."""
    counted = InputProfile(replace(TEXT, timed=False), 640, 640, {}, None)

    assert "no input asks for it" in said(replace(DENSE, inputs=(counted,)))
    assert "from disk to disk" in said(DENSE)

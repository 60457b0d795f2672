"""How soon a program that keeps ending is started again."""

from itertools import pairwise

from deploy.embedded.supervisor import FORGIVEN_AFTER_S, LONGEST_PAUSE_S, Patience


def starts(patience: Patience, seconds: int) -> list[int]:
    """Return at which seconds a program that ends at once is started."""
    return [second for second in range(seconds) if patience.may_start("worker", float(second))]


def test_pauses_double() -> None:
    """A program that ends at once is tried ever more rarely."""
    assert starts(Patience(), 34) == [0, 1, 2, 4, 8, 16, 32]


def test_pauses_end() -> None:
    """No pause is longer than half a minute."""
    times = starts(Patience(), 400)

    assert max(after - before for before, after in pairwise(times)) == LONGEST_PAUSE_S


def test_a_long_run_is_forgiven() -> None:
    """A program that has run for a minute is started again at once."""
    patience = Patience()
    starts(patience, 20)

    assert patience.may_start("worker", 20 + FORGIVEN_AFTER_S)
    assert patience.may_start("worker", 20 + FORGIVEN_AFTER_S + 1)

"""The order in which inputs go, and what it costs, against the plain algorithm and the normal equations."""

import pytest
import torch
from torch import Tensor

from jobs.compression.obs import RIDGE, Sweep, refitted, sweep

OUTPUTS = 5


def problem(inputs: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return a weight and the second moment of inputs that go together."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(inputs, inputs, generator=generator, dtype=torch.float64)
    rows = torch.randn(4 * inputs, inputs, generator=generator, dtype=torch.float64) @ mixing
    return torch.randn(OUTPUTS, inputs, generator=generator, dtype=torch.float64), rows.T @ rows / len(rows)


def damped(moment: Tensor) -> Tensor:
    """Return the moment with its ridge."""
    return moment + RIDGE * moment.diagonal().mean() * torch.eye(len(moment))


def error(weight: Tensor, moment: Tensor, keep: Tensor) -> float:
    """Return what the inputs in *keep* leave of the outputs' power, by the normal equations."""
    rest = torch.zeros_like(weight)
    full = damped(moment)
    rest[:, keep] = torch.linalg.solve(full[keep][:, keep], full[keep] @ weight.T).T
    return float(torch.trace((weight - rest) @ full @ (weight - rest).T))


def columns(groups: Tensor, size: int) -> Tensor:
    """Return the inputs of *groups*, in the order of the inputs."""
    return (groups.sort().values[:, None] * size + torch.arange(size)).flatten()


def plain(weight: Tensor, moment: Tensor, size: int) -> list[int]:
    """Return the greedy order by trying, at each step, every group that is left."""
    left, order = list(range(len(moment) // size)), []
    while len(left) > 1:
        rest = {each: torch.tensor([other for other in left if other != each]) for each in left}
        order.append(min(left, key=lambda each: error(weight, moment, columns(rest[each], size))))
        left.remove(order[-1])
    return order + left


@pytest.mark.parametrize(("inputs", "size"), [(24, 1), (24, 4), (24, 12)])
def test_each_step_takes_what_costs_least(inputs: int, size: int) -> None:
    """The order is that of trying every group and refitting all others each time."""
    weight, moment = problem(inputs)

    assert sweep(weight, moment, size).order.tolist() == plain(weight, moment, size)


@pytest.mark.parametrize("size", [1, 5])
def test_errors_are_those_of_the_refitted_weights(size: int) -> None:
    """At every level the error is what the normal equations leave, across panels too; all gone leaves all the power."""
    weight, moment = problem(150)
    found = sweep(weight, moment, size)

    for level in range(0, len(found.order), 7):
        expected = error(weight, moment, columns(found.order[level:], size))
        assert float(found.errors[level]) == pytest.approx(expected, rel=1e-8, abs=1e-8)
    assert float(found.errors[-1]) == pytest.approx(float(torch.trace(weight @ damped(moment) @ weight.T)))
    assert sorted(found.order.tolist()) == list(range(150 // size))


def test_stopping_early_changes_nothing_before() -> None:
    """A sweep that stops at a level is the beginning of the whole one."""
    weight, moment = problem(150)
    whole, begun = sweep(weight, moment), sweep(weight, moment, stop=100)

    assert torch.equal(begun.order, whole.order[:100])
    torch.testing.assert_close(begun.errors, whole.errors[:101])


def test_refitted_weights_give_the_stated_error() -> None:
    """The weights of a level leave exactly the error that the sweep states."""
    weight, moment = problem(24)
    found = sweep(weight, moment)
    keep = found.order[10:].sort().values

    change = weight.clone()
    change[:, keep] -= refitted(weight, moment, keep)

    assert float(torch.trace(change @ damped(moment) @ change.T)) == pytest.approx(float(found.errors[10]))


def test_a_copied_input_goes_for_next_to_nothing() -> None:
    """Of two inputs that are the same one goes first, and the other takes over its weight."""
    moment = torch.eye(12, dtype=torch.float64)
    moment[3, 7] = moment[7, 3] = 1
    found = sweep(torch.ones(OUTPUTS, 12), moment)

    assert int(found.order[0]) in (3, 7)
    assert int(found.order[-1]) in (3, 7)
    assert float(found.errors[1]) < 2 * RIDGE * OUTPUTS


@pytest.mark.parametrize("size", [1, 3])
def test_inputs_without_any_signal(size: int) -> None:
    """Moments of zero still give an order, by the weights alone, and nothing that is no number."""
    weight, moment = problem(12)
    found: Sweep = sweep(weight, torch.zeros_like(moment), size)

    powers = weight.square().sum(0).view(-1, size).sum(1)
    assert torch.equal(found.order, powers.argsort())
    assert found.errors.isfinite().all()

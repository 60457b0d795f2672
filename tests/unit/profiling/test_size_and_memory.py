"""Parameter counts and the memory figure against sums done by hand."""

import torch
from torch import Tensor, nn

from jobs.profiling.memory import peak_memory_bytes
from jobs.profiling.size import count_nonzero, count_parameters

FLOAT = 4


class Pair(nn.Module):
    """Two Linears with an activation between, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(10, 20)
        self.second = nn.Linear(20, 10)
        self.register_buffer("scale", torch.ones(3))

    def forward(self, signal: Tensor) -> Tensor:
        """Return (B, 10) for signal (B, 10)."""
        return self.second(torch.relu(self.first(signal)))


class Tied(nn.Module):
    """One weight under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 5)
        self.head = nn.Linear(5, 7, bias=False)
        self.head.weight = self.embedding.weight


def test_parameters_are_counted_with_and_without_zeros() -> None:
    """Zeros lower one count and not the other; buffers are in neither."""
    model = Pair()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1)
        model.first.weight[0] = 0

    assert count_parameters(model) == 430
    assert count_nonzero(model) == 420


def test_a_shared_parameter_counts_once() -> None:
    """Tied weights are stored once and counted once."""
    assert count_parameters(Tied()) == 35


def test_the_peak_is_weights_and_what_is_alive_at_once() -> None:
    """The widest moment is the activation function, with its input and its output, beside the model's input."""
    batch = {"signal": torch.zeros(4, 10)}

    weights = 430 + 3
    alive = 4 * 10 + 4 * 20 + 4 * 20
    assert peak_memory_bytes(Pair(), batch) == FLOAT * (weights + alive)


def test_the_peak_is_the_same_every_time_and_grows_with_the_batch() -> None:
    """The figure is a property of model and input, not of the machine's mood."""
    model = Pair()
    small, large = ({"signal": torch.zeros(size, 10)} for size in (1, 64))

    first, second = (peak_memory_bytes(model, small) for _ in range(2))

    assert first == second
    assert peak_memory_bytes(model, large) - first == FLOAT * 63 * 50

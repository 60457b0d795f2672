"""How close a compressed model's hidden states are to the dense model's: the first, label-free measure of quality."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from jobs.activations import States, real_rows, states_of
from jobs.batches import Batches, inference
from jobs.contract.quality import Fidelity, LayerFidelity
from jobs.evaluation.alignment import Alignment


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which layers of two models are held against each other.

    Attributes:
        dense: the stack of the reference.
        compressed: the stack of the other.
        of: the reference's layer for each layer that the other goes through, bottom first.
    """

    dense: Iterable[nn.Module] = ()
    compressed: Iterable[nn.Module] = ()
    of: Sequence[int] = ()

    def pairs(self, wanted: States, given: States) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the real positions of each pair of layers; nothing where it is not told of every layer what it was."""
        if len(given.layers) != len(self.of) or max(self.of, default=-1) >= len(wanted.layers):
            return
        for place, states in zip(self.of, given.layers, strict=True):
            yield real_rows(wanted.layers[place], wanted.real), real_rows(states, wanted.real)


UNPAIRED = Pairing()
"""Only the outputs are compared."""


def fidelity(
    dense: nn.Module, compressed: nn.Module, batches: Batches, *, source: str, pairing: Pairing = UNPAIRED
) -> Fidelity:
    """Return how close the hidden states of two models are on the same *batches*: the last ones, and layer by layer.

    Models with a task head are compared below it. Padding does not count.

    Args:
        dense: the reference.
        compressed: gives hidden states of the same shape.
        batches: at least one.
        source: where the batches come from, as the report names it.
        pairing: the layers to compare.

    Cost: one pass of each model for each batch, and for each layer what ``alignment`` says.
    """
    last, layers, samples = _Sums(), [_Sums(Alignment()) for _ in pairing.of], 0
    with inference(dense, compressed):
        for batch in batches:
            wanted, given = states_of(dense, batch, pairing.dense), states_of(compressed, batch, pairing.compressed)
            last.add(wanted.output[wanted.real], given.output[wanted.real])
            for sums, pair in zip(layers, pairing.pairs(wanted, given), strict=False):
                sums.add(*pair)
            samples += len(wanted.output)
    found = tuple(
        LayerFidelity(index, place, sums.mean_cosine, sums.aligned, sums.relative_error)
        for index, (place, sums) in enumerate(zip(pairing.of, layers, strict=True))
        if sums.positions
    )
    return Fidelity(last.mean_cosine, last.relative_error, samples, source, found)


@dataclass(slots=True)
class _Sums:
    """What the figures need, added up over batches."""

    alignment: Alignment | None = None
    cosine: float = field(default=0.0, init=False)
    positions: int = field(default=0, init=False)
    difference_squared: float = field(default=0.0, init=False)
    wanted_squared: float = field(default=0.0, init=False)

    def add(self, wanted: Tensor, given: Tensor) -> None:
        """Add the positions (N, D) of one batch."""
        if self.alignment is not None:
            self.alignment.add(wanted.float(), given.float())
        wanted, given = wanted.double(), given.double()
        self.cosine += float(nn.functional.cosine_similarity(wanted, given, dim=-1).sum())
        self.positions += len(wanted)
        self.difference_squared += float((wanted - given).square().sum())
        self.wanted_squared += float(wanted.square().sum())

    @property
    def mean_cosine(self) -> float:
        """Return the mean cosine over the positions."""
        return min(1.0, self.cosine / self.positions)  # a sum of ones may round up

    @property
    def relative_error(self) -> float:
        """Return the relative Frobenius error over everything added."""
        return float((self.difference_squared / self.wanted_squared) ** 0.5)

    @property
    def aligned(self) -> float:
        """Return the alignment; 0 where none is kept."""
        return self.alignment.result() if self.alignment is not None else 0.0

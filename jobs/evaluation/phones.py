"""How well a linear map of frozen hidden states spells what is said: phone or character error rate.

The map gives the logits of each symbol and of a blank for each frame, and is trained by connectionist temporal
classification from nothing but the sequence of symbols; it is read greedily, without a lexicon or a language model.

Source: SUPERB, Yang et al. 2021, arXiv:2105.01051 (phone recognition); Graves et al. 2006 (CTC).
Differs: standardised last hidden states instead of a weighted sum of all; a thousand steps of Adam in an order that
the seed decides, with the rate falling to nothing, instead of many thousand.
Cost: the frames' states in memory; STEPS passes of the map over BATCH recordings, and of the loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from jobs.contract.errors import DataUnreadableError
from jobs.contract.probes import PhonesProbe, SymbolUnit
from jobs.contract.quality import Score
from jobs.evaluation.intervals import averaged, bootstrapped
from jobs.evaluation.splitting import split
from jobs.evaluation.standardising import standardised

LEAST_SAMPLES = 20
STEPS, BATCH, RATE = 1000, 32, 0.02
BLANK = 0


@dataclass(frozen=True, slots=True)
class Phones:
    """A recognition with its labels checked.

    Attributes:
        spelled: the symbols of each recording, counted from 1.
        seeds: of the splits.
        unit: what a symbol is.
    """

    better: ClassVar[Literal["lower", "higher"]] = "lower"

    spelled: tuple[tuple[int, ...], ...]
    seeds: tuple[int, ...]
    unit: SymbolUnit

    @classmethod
    def of(cls, probe: PhonesProbe, labels: Sequence[str]) -> "Phones":
        """Return the recognition of *labels*, one a recording.

        Raises:
            DataUnreadableError: there are too few recordings, or only one symbol in all of them.
        """
        said = [label.split() if probe.unit == "symbols" else list(label) for label in labels]
        symbols = sorted({symbol for each in said for symbol in each})
        if len(said) < LEAST_SAMPLES or len(symbols) == 1:
            raise DataUnreadableError(
                f"Expected at least {LEAST_SAMPLES} recordings and two different symbols in the column "
                f"{probe.label!r}; got {len(said)} recordings and {len(symbols)} different symbols."
            )
        places = {symbol: place for place, symbol in enumerate(symbols, start=1)}
        return cls(tuple(tuple(places[symbol] for symbol in each) for each in said), probe.seeds, probe.unit)

    @property
    def metric(self) -> str:
        """Return what the scores are in."""
        return "phone_error_rate" if self.unit == "symbols" else "character_error_rate"

    @property
    def protocol(self) -> str:
        """Return how it is measured."""
        return (
            f"A linear map of the last hidden states of each frame, standardised, of the frozen model, trained by CTC "
            f"for {STEPS} steps of {BATCH} recordings and read greedily; a quarter of the recordings judges; bootstrap "
            "interval of one split."
        )

    def score(self, features: Sequence[Float[Tensor, "T D"]]) -> Score:
        """Return edits over symbols on recordings that the fit has not seen.

        Raises:
            DataUnreadableError: a recording has fewer frames than symbols.
        """
        for states, spelled in zip(features, self.spelled, strict=True):
            if len(states) < len(spelled):
                raise DataUnreadableError(
                    f"Expected at least as many frames as symbols in each recording; the model gives {len(states)} "
                    f"frames where the label has {len(spelled)} symbols. Remove them, or use coarser symbols."
                )
        return averaged([self._of_split(features, seed) for seed in self.seeds])

    def _of_split(self, features: Sequence[Tensor], seed: int) -> Score:
        fitting, judging = (places.tolist() for places in split(torch.zeros(len(features), dtype=torch.int64), seed))
        like = torch.cat([features[place] for place in fitting])
        known = torch.split(standardised(torch.cat(list(features)), like), [len(each) for each in features])
        spell = _trained([known[place] for place in fitting], [self.spelled[place] for place in fitting], seed)
        edits = torch.tensor([edit_distance(self.spelled[place], _read(spell(known[place]))) for place in judging])
        lengths = torch.tensor([len(self.spelled[place]) for place in judging])
        return bootstrapped(lambda places: float(edits[places].sum() / lengths[places].sum()), len(judging))


def edit_distance(wanted: Sequence[int], given: Sequence[int]) -> int:
    """Return how many insertions, deletions and replacements make *wanted* of *given*. Source: Levenshtein 1966."""
    row = list(range(len(given) + 1))
    for above, symbol in enumerate(wanted):
        corner, row[0] = row[0], above + 1
        for place, other in enumerate(given, start=1):
            corner, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, corner + (symbol != other))
    return row[-1]


def _read(logits: Float[Tensor, "T S"]) -> list[int]:
    """Return the likeliest symbol of each frame, repetitions and then blanks left out."""
    best = torch.unique_consecutive(logits.argmax(dim=-1)).tolist()
    return [symbol for symbol in best if symbol != BLANK]


def _trained(features: Sequence[Tensor], spelled: Sequence[tuple[int, ...]], seed: int) -> nn.Linear:
    """Return the map from a frame's state to logits."""
    chance = torch.Generator().manual_seed(seed)
    spell = nn.Linear(features[0].shape[1], max(max(each) for each in spelled) + 1, device="meta")
    spell.to_empty(device="cpu")  # no chance is drawn for what becomes zero
    nn.init.zeros_(spell.weight)
    nn.init.zeros_(spell.bias)
    search = torch.optim.Adam(spell.parameters())
    for step in range(STEPS):
        for group in search.param_groups:
            group["lr"] = RATE * (1 + cos(pi * step / STEPS)) / 2
        chosen = torch.randint(len(features), (BATCH,), generator=chance).tolist()
        search.zero_grad()
        torch.autograd.backward(_loss(spell, [features[at] for at in chosen], [spelled[at] for at in chosen]))
        search.step()
    spell.requires_grad_(requires_grad=False)
    return spell


def _loss(spell: nn.Linear, features: list[Tensor], spelled: list[tuple[int, ...]]) -> Tensor:
    likely = nn.functional.log_softmax(spell(nn.utils.rnn.pad_sequence(features)), dim=-1)
    return nn.functional.ctc_loss(
        likely,
        torch.tensor([symbol for each in spelled for symbol in each]),
        torch.tensor([len(each) for each in features]),
        torch.tensor([len(each) for each in spelled]),
        blank=BLANK,
        zero_infinity=True,  # a repeated symbol needs a blank between: too few frames for that teach nothing
    )

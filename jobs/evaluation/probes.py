"""What a model's frozen output is worth for the caller's own tasks: the probes of a request, put to any model.

Their data is read and their labels are checked once, before anything else is done; then each model's hidden states are
taken once for all probes that read them alike.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from torch import nn

from jobs.batches import Modality
from jobs.contract.errors import InvalidRequestError
from jobs.contract.probes import (
    PROBES,
    ClassificationProbe,
    LabelledProbe,
    PhonesProbe,
    ProbeSpec,
    RegressionProbe,
    SimilarityProbe,
    labelled,
)
from jobs.contract.quality import ProbeReport, ProbeScore, Score
from jobs.datasets.labels import Table, placed, read_table
from jobs.evaluation.classification import Classification
from jobs.evaluation.features import Heard, frames, pooled, pooled_layers
from jobs.evaluation.phones import Phones
from jobs.evaluation.regression import Regression
from jobs.evaluation.similarity import Similarity

Item: TypeAlias = Path | str
Look: TypeAlias = Literal["mean", "layers", "frames"]
_NAMES = {kind: name for name, kind in PROBES.items()}


class Judge(Protocol):
    """A probe whose labels are checked."""

    @property
    def metric(self) -> str:
        """Return what its scores are in."""

    @property
    def better(self) -> Literal["lower", "higher"]:
        """Return which of two scores is the better one."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Return what its scores are averaged over."""

    @property
    def protocol(self) -> str:
        """Return how it is measured, in a sentence."""

    def score(self, features: Any) -> Score:
        """Return what *features* of the samples, in their order, are worth."""


@dataclass(frozen=True, slots=True)
class View:
    """What a probe looks at: which samples, and what of the hidden states that a model has of them."""

    items: tuple[Item, ...]
    look: Look = "mean"


@dataclass(frozen=True, slots=True)
class Question:
    """A probe with its data: ready to be put to any model."""

    asked: LabelledProbe
    view: View
    judge: Judge

    def report(self, dense: Score, compressed: Score, unrecovered: Score | None, control: Score | None) -> ProbeReport:
        """Return what was found of a compression."""
        return ProbeReport(
            **self._said(), dense=dense, compressed=compressed, before_recovery=unrecovered, control=control
        )

    def report_alone(self, score: Score) -> ProbeScore:
        """Return what was found of one model."""
        return ProbeScore(**self._said(), score=score)

    def _said(self) -> dict[str, Any]:
        judge = self.judge
        said = {"metric": judge.metric, "better": judge.better, "seeds": judge.seeds, "protocol": judge.protocol}
        return {"probe": _NAMES[type(self.asked)], "label": self.asked.label, **said}


@dataclass(frozen=True, slots=True)
class Probes:
    """The probes of a request, with their data.

    Attributes:
        questions: what to find out.
        modality: what the models take.
        model_dir: holds the tokenizer, feature extractor or image processor.
    """

    questions: tuple[Question, ...]
    modality: Modality
    model_dir: Path

    @classmethod
    def open(
        cls, asked: Sequence[ProbeSpec], folders: Mapping[str, Path], *, modality: Modality, model_dir: Path
    ) -> "Probes":
        """Return the probes that are *asked* for, their labels checked.

        Args:
            asked: as in the request; fidelity is measured elsewhere.
            folders: from the URI of labelled data to where it lies.
            modality: what the models take.
            model_dir: holds what makes their inputs.

        Raises:
            InvalidRequestError: the data or its labels cannot be used; the message says what to do.
        """
        questions = (_question(each, folders[each.data.uri], modality) for each in labelled(asked))
        return cls(tuple(questions), modality, model_dir)

    def scores(self, model: nn.Module, stack: Iterable[nn.Module], heard: Heard) -> tuple[Score, ...]:
        """Return what each probe finds of *model*, whose layers are in *stack*."""
        found: dict[int, Score] = {}
        for view in dict.fromkeys(question.view for question in self.questions):
            features = self._features(view, model, stack, heard)
            found |= {
                place: question.judge.score(features)
                for place, question in enumerate(self.questions)
                if question.view == view
            }
        return tuple(found[place] for place in range(len(self.questions)))

    def reports(
        self,
        dense: Sequence[Score],
        compressed: Sequence[Score],
        unrecovered: Sequence[Score] | None,
        control: Sequence[Score] | None,
    ) -> tuple[ProbeReport, ...]:
        """Return what the probes found of a compression, each model's scores in the order of the probes."""
        nothing = [None] * len(self.questions)
        found = zip(self.questions, dense, compressed, unrecovered or nothing, control or nothing, strict=True)
        return tuple(question.report(before, after, midway, held) for question, before, after, midway, held in found)

    def reports_alone(self, scores: Sequence[Score]) -> tuple[ProbeScore, ...]:
        """Return what the probes found of one model, its *scores* in their order."""
        return tuple(question.report_alone(score) for question, score in zip(self.questions, scores, strict=True))

    def _features(self, view: View, model: nn.Module, stack: Iterable[nn.Module], heard: Heard) -> Any:
        whole = view.look == "frames"
        batches = placed(view.items, modality=self.modality, model_dir=self.model_dir, whole=whole)
        if view.look == "layers":
            return pooled_layers(model, batches, heard, stack)
        return frames(model, batches, heard) if whole else pooled(model, batches, heard)


def _question(asked: LabelledProbe, folder: Path, modality: Modality) -> Question:
    opener = _OPENERS[type(asked)]
    if modality not in opener.modalities:
        raise InvalidRequestError(
            f"Expected a model of {' or '.join(opener.modalities)} for the probe {_NAMES[type(asked)]!r}; this one "
            f"takes {modality}. Leave the probe out, or ask for classification or regression."
        )
    return opener.open(asked, read_table(folder, modality, asked.data.samples))


def _classification(asked: ClassificationProbe, table: Table) -> Question:
    judge = Classification.of(asked, table.column(asked.label))
    return Question(asked, View(table.items(asked.label), "layers" if judge.layers else "mean"), judge)


def _regression(asked: RegressionProbe, table: Table) -> Question:
    return Question(asked, View(table.items(asked.label)), Regression.of(asked, table.numbers(asked.label)))


def _similarity(asked: SimilarityProbe, table: Table) -> Question:
    pairs = (*table.column(asked.first), *table.column(asked.second))
    return Question(asked, View(pairs), Similarity.of(asked, table.numbers(asked.label)))


def _phones(asked: PhonesProbe, table: Table) -> Question:
    judge = Phones.of(asked, table.column(asked.label))
    return Question(asked, View(table.items(asked.label), "frames"), judge)


@dataclass(frozen=True, slots=True)
class _Opener:
    """How a kind of probe gets its data, and which models it is for."""

    open: Callable[[Any, Table], Question]
    modalities: tuple[Modality, ...] = ("text", "audio", "image")


_OPENERS: Mapping[type, _Opener] = {
    ClassificationProbe: _Opener(_classification),
    RegressionProbe: _Opener(_regression),
    SimilarityProbe: _Opener(_similarity, ("text",)),
    PhonesProbe: _Opener(_phones, ("audio",)),
}

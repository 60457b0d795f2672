"""What a linear map finds in frozen states, on states of which it is known what they hold."""

from math import sqrt
from typing import Any

import pytest
import torch
from torch import Tensor

from jobs.contract.errors import DataUnreadableError
from jobs.contract.probes import probe_from_json
from jobs.evaluation.classification import Classification
from jobs.evaluation.intervals import share
from jobs.evaluation.phones import Phones, edit_distance
from jobs.evaluation.regression import Regression
from jobs.evaluation.similarity import Similarity, spearman
from jobs.evaluation.splitting import split

DATA = {"uri": "file:///d"}


def probe(kind: str, **fields: Any) -> Any:
    """Return a probe as a request describes it."""
    return probe_from_json({"probe": kind, "data": DATA, **fields})


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Return states that say nothing."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def classification(classes: Tensor, **fields: Any) -> Classification:
    """Return a classification into *classes*."""
    return Classification.of(probe("classification", label="word", **fields), [str(int(each)) for each in classes])


CLASSES = torch.arange(80) % 4


def test_states_that_hold_the_class_are_told_apart() -> None:
    """A class that stands in one direction is found on every sample that was held out; noise is worth a guess."""
    told = noise(80, 1, 6) + 20 * torch.nn.functional.one_hot(CLASSES, 6).unsqueeze(1)
    found, guessed = classification(CLASSES).score(told.double()), classification(CLASSES).score(noise(80, 1, 6))

    assert (found.value, found.samples) == (1, 20)
    assert guessed.low < 0.25 < guessed.high
    assert guessed.high < found.low


def test_the_same_states_give_the_same_score() -> None:
    """Nothing but the seeds decides: a score is found again to the bit, and other seeds split otherwise."""
    states = noise(80, 1, 6).double()
    first, again = (classification(CLASSES, seeds=[5]).score(states) for _ in range(2))
    others = {classification(CLASSES, seeds=[seed]).score(states).value for seed in range(6)}

    assert first == again
    assert len(others) > 1


def test_scores_are_averaged_over_seeds_and_intervals_are_of_one_split() -> None:
    """More seeds give the mean, and no narrower interval."""
    states = (noise(80, 1, 6) + torch.nn.functional.one_hot(CLASSES, 6).unsqueeze(1)).double()
    alone = [classification(CLASSES, seeds=[seed]).score(states) for seed in range(3)]
    together = classification(CLASSES, seeds=3).score(states)

    assert together.value == pytest.approx(sum(each.value for each in alone) / 3)
    assert together.high - together.low == pytest.approx(sum(each.high - each.low for each in alone) / 3)
    assert together.samples == 20


def test_the_layer_that_knows_is_found() -> None:
    """Where layers are weighed, one that holds the class is enough; the rest of them say nothing."""
    told = noise(80, 3, 6)
    told[:, 1] += 20 * torch.nn.functional.one_hot(CLASSES, 6)

    assert classification(CLASSES, layer="weighted").score(told.double()).value == 1


def test_every_class_is_in_both_parts() -> None:
    """A quarter of each class judges, and at least one of it; no sample is on both sides."""
    classes = torch.tensor([0] * 40 + [1] * 4 + [2] * 2)
    fitting, judging = split(classes, seed=3)

    assert classes[judging].bincount().tolist() == [10, 1, 1]
    assert sorted([*fitting.tolist(), *judging.tolist()]) == list(range(46))


def test_wilsons_interval_is_its_formula() -> None:
    """The ends are where the share lies 1.96 standard deviations of its own away; all right is not certain."""
    found = share(45, 60)

    for end in (found.low, found.high):
        assert abs(found.value - end) == pytest.approx(1.959964 * sqrt(end * (1 - end) / 60))
    assert share(20, 20).low == pytest.approx(20 / (20 + 1.959964**2))
    assert (share(20, 20).high, share(0, 20).low) == (1, 0)


def test_a_number_that_states_hold_is_foretold() -> None:
    """A linear function of the states is found but for its noise; noise alone foretells nothing."""
    states = noise(200, 1, 10).double()
    numbers = states[:, 0, :3].sum(dim=1) + 0.3 * noise(200, seed=1)
    told = Regression.of(probe("regression", label="age"), numbers.tolist())
    guessed = Regression.of(probe("regression", label="age"), noise(200, seed=2).tolist()).score(states)

    assert told.score(states).value == pytest.approx(1 - 0.3**2 / (3 + 0.3**2), abs=0.02)
    assert told.score(states).low < told.score(states).value < told.score(states).high
    assert guessed.value < 0.1


def test_more_features_than_samples_are_held_back() -> None:
    """States wider than the samples are many are still of use: what holds them back is chosen by what is left out."""
    states = noise(60, 1, 100).double()
    numbers = (3 * states[:, 0, 0]).tolist()
    states[:, 0, 0] *= 10

    assert Regression.of(probe("regression", label="age"), numbers).score(states).value > 0.1


def test_similarity_is_the_correlation_of_ranks() -> None:
    """Embeddings whose cosines rise with the score are ranked right; swapped texts of the pairs change nothing."""
    angles = torch.linspace(0, 1.5, 30).double()
    first, second = torch.tensor([[1.0, 0.0]]).expand(30, 2).double(), torch.stack([angles.cos(), angles.sin()], dim=1)
    judge = Similarity.of(probe("similarity"), (5 - angles).tolist())

    assert judge.score(torch.cat([first, second]).unsqueeze(1)).value == pytest.approx(1)
    assert judge.score(torch.cat([second, first]).unsqueeze(1)).value == pytest.approx(1)


def test_equal_scores_share_their_rank() -> None:
    """Ties get the mean of their places, as in Spearman's definition: here by hand."""
    # ranks 1.5 1.5 3 4 against 1 2 3 4: covariance 4.5 over sqrt(4.5 * 5)
    assert spearman(torch.tensor([1.0, 1, 2, 3]), torch.tensor([1.0, 2, 3, 4])) == pytest.approx(4.5 / sqrt(4.5 * 5))


def test_what_is_said_is_spelled_from_states_that_hold_it() -> None:
    """States that say which symbol a frame belongs to give no errors, though nothing says where each one stands."""
    spoken = [[(place * 3 + step * step) % 4 for step in range(5)] for place in range(40)]
    labels = [" ".join("abcd"[symbol] for symbol in each) for each in spoken]
    frames = [torch.tensor([symbol for each in said for symbol in (each, each, 4)]) for said in spoken]
    states = [10.0 * torch.nn.functional.one_hot(each, 5) + 0.1 * noise(len(each), 5) for each in frames]
    judge = Phones.of(probe("phones", seeds=[0]), labels)

    assert (judge.metric, judge.better) == ("phone_error_rate", "lower")
    assert judge.score(states).value == 0
    assert judge.score([noise(len(each), 5) for each in frames]).value > 0.4


@pytest.mark.parametrize(
    ("wanted", "given", "edits"), [("kitten", "sitting", 3), ("", "ab", 2), ("ab", "", 2), ("ab", "ab", 0)]
)
def test_edits_are_counted(wanted: str, given: str, edits: int) -> None:
    """Insertions, deletions and replacements each cost one."""
    assert edit_distance([*map(ord, wanted)], [*map(ord, given)]) == edits


def test_one_class_is_nothing_to_tell_apart() -> None:
    """A column that always says the same is refused, and so is a class that is too rare to judge by."""
    with pytest.raises(DataUnreadableError, match="at least two classes in the column 'word'; every row has '3'"):
        classification(torch.full((20,), 3))
    with pytest.raises(DataUnreadableError, match=r"at least 4 samples of each class .* 1 of 2 have fewer, as 1"):
        classification(torch.tensor([0] * 10 + [1] * 3))


def test_labels_that_say_too_little_are_refused() -> None:
    """Numbers that are all the same, too few pairs, and recordings of one symbol cannot judge anything."""
    with pytest.raises(DataUnreadableError, match="two different numbers in the column 'age'; got 30 samples and 1"):
        Regression.of(probe("regression", label="age"), [1.0] * 30)
    with pytest.raises(DataUnreadableError, match=r"at least 10 pairs .* got 3 pairs"):
        Similarity.of(probe("similarity"), [1.0, 2.0, 3.0])
    with pytest.raises(DataUnreadableError, match="two different symbols in the column 'phones'"):
        Phones.of(probe("phones"), ["a a"] * 30)


def test_a_recording_shorter_than_its_label_is_refused() -> None:
    """A model that gives fewer frames than there are symbols cannot spell them, and the message says so."""
    judge = Phones.of(probe("phones"), ["a b c"] * 30)

    with pytest.raises(DataUnreadableError, match="2 frames where the label has 3 symbols"):
        judge.score([noise(2, 4)] * 30)


def test_seeds_are_a_count_or_a_list() -> None:
    """A count stands for the seeds from 0 on."""
    assert probe("classification", label="word", seeds=2).seeds == (0, 1)
    assert probe("classification", label="word", seeds=[7, 3]).seeds == (7, 3)

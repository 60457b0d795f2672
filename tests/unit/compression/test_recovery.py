"""Recovery helps, or leaves the model as it was."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from jobs.batches import ListBatches
from jobs.compression.anatomy import anatomy_of
from jobs.compression.learning.schedule import Schedule
from jobs.compression.recovery import RecoveryOutcome, evenly_spaced, recover
from jobs.compression.surgery import drop_layers, drop_units
from jobs.compression.techniques.weight_pruning import prunable
from jobs.contract.errors import DataRequiredError
from tests.tiny import tiny, tiny_batches


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


def cut(family: str) -> tuple[PreTrainedModel, PreTrainedModel]:
    """Return a model without half of its units, and the whole one."""
    teacher = tiny(family)
    student = deepcopy(teacher)
    for layer in anatomy_of(student).layers(student):
        drop_units(layer.feed_forward, torch.arange(32))
    return student, teacher


def learn(student: PreTrainedModel, teacher: PreTrainedModel, **asked: Any) -> RecoveryOutcome:
    """Recover with a few usual values."""
    batches = asked.pop("batches", None) or tiny_batches(teacher.config.model_type, 4)
    schedule = Schedule(**{"steps": 30, "learning_rate": 3e-3, "batch_size": 2, **asked})
    return recover(student, teacher, batches, schedule, silent)


@pytest.mark.parametrize("family", ["bert", "hubert", "vit"])
def test_it_comes_closer(family: str) -> None:
    """A cut model comes clearly closer to the whole one on data it did not learn from."""
    outcome = learn(*cut(family))

    assert outcome.after < 0.9 * outcome.before
    assert outcome.notes == ()


def test_it_never_gets_worse() -> None:
    """Where learning diverges, the state before it is put back, and the outcome says so."""
    student, teacher = cut("bert")
    before = deepcopy(student.state_dict())

    outcome = learn(student, teacher, learning_rate=1.0)

    assert outcome.after == outcome.before
    assert outcome.steps < 30
    assert any("did not help" in note for note in outcome.notes)
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())


def test_zeros_stay_zero() -> None:
    """Pruned weights stay zero while the others learn."""
    teacher = tiny("bert")
    student = deepcopy(teacher)
    weights = [each for layer in anatomy_of(student).layers(student) for each in prunable(layer, include_bias=True)]
    for weight in weights:
        weight.data[weight.abs() < weight.abs().median()] = 0
    zeros = [weight == 0 for weight in weights]
    values = [weight.detach().clone() for weight in weights]

    outcome = learn(student, teacher)

    assert outcome.after < outcome.before
    assert all(torch.equal(weight == 0, where) for weight, where in zip(weights, zeros, strict=True))
    assert not any(torch.equal(weight, value) for weight, value in zip(weights, values, strict=True))


def test_only_the_layers_learn() -> None:
    """Embeddings and whatever else lies outside the layers keep their values."""
    student, teacher = cut("hubert")
    before = deepcopy(student.state_dict())

    learn(student, teacher)

    changed = {name for name, value in student.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("encoder.layers.") for name in changed)


def test_same_seed_same_weights() -> None:
    """The same seed gives the same weights, another seed others, whatever the global random state is."""
    states = []
    for seed in (3, 3, 4):
        torch.manual_seed(len(states))
        student, teacher = cut("wav2vec2")
        learn(student, teacher, seed=seed, steps=5, batches=tiny_batches("wav2vec2", 10))
        states.append(student.state_dict())

    first, same, other = states
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_flags_and_modes_stay() -> None:
    """Both models leave with the modes, flags and gradients that they came with."""
    student, teacher = cut("hubert")
    student.train()
    teacher.train()
    student.feature_extractor.requires_grad_(requires_grad=False)
    flags = [parameter.requires_grad for parameter in student.parameters()]

    learn(student, teacher, steps=2)

    assert [parameter.requires_grad for parameter in student.parameters()] == flags
    assert all(parameter.grad is None for model in (student, teacher) for parameter in model.parameters())
    assert all(module.training for model in (student, teacher) for module in model.modules())


def test_padding_does_not_matter() -> None:
    """What stands in padded positions changes nothing."""
    batches = tiny_batches("bert", 2, padded=True)
    noisy = ListBatches(
        [{**each, "input_ids": each["input_ids"] + 7 * (1 - each["attention_mask"])} for each in batches]
    )

    first, second = (learn(*cut("bert"), batches=each, steps=3) for each in (batches, noisy))

    assert first.before == pytest.approx(second.before, rel=1e-5)
    assert first.after == pytest.approx(second.after, rel=1e-4)


def test_one_batch_is_enough_and_said() -> None:
    """A single batch is learnt from and decides; the outcome says so."""
    outcome = learn(*cut("bert"), batches=tiny_batches("bert", 1))

    assert any("only one batch" in note for note in outcome.notes)


def test_no_batch_is_an_error() -> None:
    """Without data there is nothing to learn from."""
    with pytest.raises(DataRequiredError, match="Add a data reference"):
        recover(*cut("bert"), ListBatches([]), Schedule(1, 1e-3), silent)


def test_a_shallow_student_learns_too() -> None:
    """A student with fewer layers is matched with evenly spaced layers of the teacher."""
    teacher = tiny("vit", layers=4)
    student = deepcopy(teacher)
    drop_layers(anatomy_of(student).encoder(student), (0, 3))

    outcome = learn(student, teacher)

    assert outcome.after < outcome.before


@pytest.mark.parametrize(
    ("count", "present", "expected"),
    [(3, 6, (0, 2, 5)), (1, 6, (5,)), (6, 6, (0, 1, 2, 3, 4, 5)), (6, 12, (0, 2, 4, 6, 8, 11)), (2, 12, (0, 11))],
)
def test_layers_are_evenly_spaced(count: int, present: int, expected: tuple[int, ...]) -> None:
    """A few layers of many: evenly spaced, the last among them."""
    assert evenly_spaced(count, present) == expected

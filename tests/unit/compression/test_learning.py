"""Learning: interrupted at any snapshot it ends with the same bits; its losses and its course are what they say."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import ListBatches
from jobs.compression.anatomy import anatomy_of
from jobs.compression.learning.checkpoints import FileCheckpoints, Snapshot
from jobs.compression.learning.hearing import listen
from jobs.compression.learning.losses import logits_apart, relation_heads, relations_apart, states_apart
from jobs.compression.learning.machine import Machine
from jobs.compression.learning.matching import Losses
from jobs.compression.learning.mixing import enlarged, mixed
from jobs.compression.learning.schedule import Schedule
from jobs.compression.learning.whitening import WhitenedAdam, inverse_root
from jobs.compression.recovery import RecoveryOutcome, control, recover, set_apart
from jobs.compression.surgery import drop_heads, drop_units
from jobs.contract.errors import CancelledError, NotApplicableError
from tests.tiny import tiny, tiny_batch, tiny_batches

SCHEDULE = Schedule(12, learning_rate=3e-3, batch_size=4, checkpoint_every=3)


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


def cut(family: str, **options: Any) -> tuple[PreTrainedModel, PreTrainedModel]:
    """Return a model without half of its units, and the whole one."""
    teacher = tiny(family, **options)
    student = deepcopy(teacher)
    for layer in anatomy_of(student).layers(student):
        drop_units(layer.feed_forward, torch.arange(32))
    return student, teacher


def learn(checkpoints: FileCheckpoints | None, *, until: int = 100, schedule: Schedule = SCHEDULE) -> Any:
    """Recover a tiny model, cancelled after *until* steps; return its weights and the outcome, None when cancelled."""
    student, teacher = cut("bert")

    def progress(done: int, total: int, note: str = "") -> None:
        if done == until:
            raise CancelledError("Cancelled by the caller.")

    try:
        outcome = recover(student, teacher, tiny_batches("bert", 6), schedule, progress, checkpoints=checkpoints)
    except CancelledError:
        return None
    return student.state_dict(), outcome


@pytest.mark.parametrize("until", [4, 7, 11])
def test_interrupted_and_resumed_is_straight_through(until: int, tmp_path: Path) -> None:
    """Interrupted after any snapshot and taken up again, learning ends with the same weights, to the bit."""
    straight, whole = learn(None)

    interrupted = learn(FileCheckpoints(tmp_path / "snapshot"), until=until)
    resumed, outcome = learn(FileCheckpoints(tmp_path / "snapshot"))

    assert interrupted is None
    assert all(torch.equal(resumed[name], value) for name, value in straight.items())
    assert (outcome.before, outcome.after, outcome.steps) == (whole.before, whole.after, whole.steps)
    assert any(f"went on after {until - until % 3} steps" in note for note in outcome.notes)


def test_a_snapshot_of_another_training_is_left_alone(tmp_path: Path) -> None:
    """Another learning rate is another training, which begins at its beginning."""
    other = Schedule(12, learning_rate=1e-3, batch_size=4)
    learn(FileCheckpoints(tmp_path / "snapshot"), until=4)

    weights, outcome = learn(FileCheckpoints(tmp_path / "snapshot"), schedule=other)
    straight, _ = learn(None, schedule=other)

    assert not any("interrupted" in note for note in outcome.notes)
    assert all(torch.equal(weights[name], value) for name, value in straight.items())


def test_a_snapshot_is_kept_to_the_bit(tmp_path: Path) -> None:
    """Tensors and figures come back as they were, and a newer snapshot takes the older one's place."""
    kept = FileCheckpoints(tmp_path / "folder" / "snapshot")
    third = Snapshot({"a": torch.arange(3) / 3}, {"loss": 1 / 3, "order": [2, 0, 1]})

    kept.save(Snapshot({}, {"loss": 0.5}))
    kept.save(third)
    found = kept.load()

    assert found is not None
    assert found.facts == third.facts
    assert torch.equal(found.tensors["a"], third.tensors["a"])
    assert FileCheckpoints(tmp_path / "none").load() is None
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["snapshot"]


def test_the_rate_rises_and_falls_to_zero() -> None:
    """A tenth of the course warms up, the rest cools down; where time is short the course follows the clock."""
    schedule = Schedule(100, learning_rate=2.0, max_seconds=10)

    rates = [schedule.rate(share / 100) for share in range(101)]

    assert max(rates) == rates[10] == pytest.approx(2.0)
    assert rates[0] == pytest.approx(0.2)
    assert rates[100] == 0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert schedule.share(10, seconds=5) == 0.5
    assert schedule.share(50, seconds=1) == 0.5


def test_time_ends_learning_and_is_said() -> None:
    """A limit in seconds ends learning early, and the outcome says that the clock had its part."""
    _, outcome = learn(None, schedule=Schedule(100_000, 1e-3, batch_size=2, max_seconds=0.05))

    assert 0 < outcome.steps < 100_000
    assert any("seconds were over" in note for note in outcome.notes)
    assert any("limited by time" in note for note in outcome.notes)


def test_the_control_has_nothing_to_gain() -> None:
    """The dense model put through the same steps is another copy, about as it was; the dense one stays."""
    dense = tiny("bert")
    before = deepcopy(dense.state_dict())

    trained = control(dense, tiny_batches("bert", 4), Schedule(4, 1e-4, batch_size=2), silent)

    assert all(torch.equal(value, before[name]) for name, value in dense.state_dict().items())
    for name, value in trained.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=1e-3)


def test_what_decides_is_not_learnt_from() -> None:
    """Without batches of its own, what decides is spread over all lengths and leaves what is learnt from."""
    batches = tiny_batches("bert", 20)

    learning, deciding = set_apart(batches)

    chosen = [index for index, batch in enumerate(batches) if any(batch is each for each in deciding)]
    assert len(chosen) == 2
    assert chosen[0] < 10 <= chosen[1]
    assert len(learning) == 18
    assert set_apart(batches, tiny_batches("bert", 1))[0] is batches


@pytest.mark.parametrize("losses", [Losses(relations=1.0), Losses(output=0.5, hidden=0.0, relations=2.0)], ids=str)
def test_relations_are_learnt_across_numbers_of_heads(losses: Losses) -> None:
    """A student with fewer heads learns the teacher's relations, and its output comes closer."""
    student, teacher = cut("hubert")
    for layer in anatomy_of(student).layers(student):
        drop_heads(layer.attention, torch.tensor([0, 2, 3]))

    outcome = taught(student, teacher, losses)

    assert outcome.after < outcome.before


def test_logits_are_learnt_where_there_are_any() -> None:
    """With a task head its logits can count; without one that is refused."""
    student, teacher = cut("bert", head="ForSequenceClassification")
    before = apart_in_logits(student, teacher)

    taught(student, teacher, Losses(output=0.1, hidden=0, logits=5.0))

    assert apart_in_logits(student, teacher) < before
    with pytest.raises(NotApplicableError, match="task head"):
        taught(*cut("bert"), Losses(logits=1.0))


def taught(student: PreTrainedModel, teacher: PreTrainedModel, losses: Losses) -> RecoveryOutcome:
    """Recover a little, with *losses*."""
    batches = tiny_batches(teacher.config.model_type, 4)
    return recover(student, teacher, batches, Schedule(15, 3e-3, batch_size=2), silent, losses=losses)


def apart_in_logits(student: PreTrainedModel, teacher: PreTrainedModel) -> float:
    """Return how far the logits of two models are from each other on what they learn from."""
    with torch.no_grad():
        found = [[model(**batch).logits for model in (student, teacher)] for batch in tiny_batches("bert", 4)]
    return sum(float(logits_apart(*each, None, 2.0)) for each in found)


def test_losses_are_zero_for_equals_and_blind_to_padding() -> None:
    """What is equal at the real positions is not apart, whatever stands in the padding."""
    generator = torch.Generator().manual_seed(0)
    states, real = torch.randn(2, 5, 8, generator=generator), torch.ones(2, 5, dtype=torch.bool)
    real[1, 3:] = False
    padded = states.masked_fill(~real[..., None], 7)

    assert float(states_apart(states, padded, real)) == pytest.approx(0, abs=1e-6)
    assert float(relations_apart([states], [padded], real, 2)) == pytest.approx(0, abs=1e-6)
    assert float(logits_apart(states, padded, real, 2.0)) == pytest.approx(0, abs=1e-6)
    assert float(states_apart(states, padded, None)) > 0.1
    assert float(relations_apart([states], [2 * states], real, 2)) > 0.1


@pytest.mark.parametrize(("widths", "most", "expected"), [((384, 160), 12, 8), ((32, 24), 4, 4), ((32, 32), 3, 2)])
def test_relation_heads_divide_every_width(widths: Sequence[int], most: int, expected: int) -> None:
    """As many relation heads as the teacher has, or the next fewer that divide both widths."""
    assert relation_heads([torch.zeros(1, 1, width) for width in widths], most) == expected


def test_listening_leaves_no_hook() -> None:
    """All that is heard inside has the shape it should, and no hook stays."""
    model = tiny("vit")

    heard = listen(model, anatomy_of(model), tiny_batch("vit"), vectors_of=-1)

    assert [tuple(state.shape) for state in heard.states] == [(2, 17, 32)] * 2
    assert [tuple(vector.shape) for vector in heard.vectors] == [(2, 17, 32)] * 3
    assert not any(module._forward_hooks for module in model.modules())


def test_mixing_keeps_ends_and_padding() -> None:
    """Some tokens come from the same place of another sequence; ends, padding and other inputs stay."""
    batch = {**tiny_batch("bert", size=8, padded=True), "token_type_ids": torch.ones(8, 12)}
    batch["attention_mask"][0, 5:] = 0

    mixture = mixed(batch, torch.Generator().manual_seed(0))

    changed = mixture["input_ids"] != batch["input_ids"]
    assert changed.any()
    assert not changed[:, 0].any()
    assert not changed[0, 4:].any()
    assert all((mixture["input_ids"][:, place] != each).sum() < 8 for place, each in enumerate(batch["input_ids"].T))
    assert mixture["token_type_ids"] is batch["token_type_ids"]
    assert mixed(tiny_batch("vit"), torch.Generator()).keys() == {"pixel_values"}


def test_a_little_text_is_enlarged() -> None:
    """What there is comes first, as it was, and mixed copies follow; much text, and images, stay what they are."""
    text, chance = tiny_batches("bert", 4), torch.Generator().manual_seed(0)

    more = list(enlarged(text, chance))

    assert all(ours is theirs for ours, theirs in zip(more, text, strict=False))
    assert len(more) == 3 * len(text)
    assert not all(torch.equal(more[at]["input_ids"], text.batches[at % 4]["input_ids"]) for at in range(4, 12))
    assert len(enlarged(tiny_batches("vit", 4), chance)) == 4
    assert len(enlarged(ListBatches([*text] * 1000), chance)) == 4000


def test_only_what_was_seen_is_mixed() -> None:
    """The first pass through the text is as it came; from the second on, tokens change places."""
    student, teacher = cut("bert")
    batches, seen = tiny_batches("bert", 4), []
    text = [batch["input_ids"].tolist() for batch in batches]

    def hear(module: nn.Module, args: Any, inputs: Any) -> None:
        if student.base_model is module and torch.is_grad_enabled():
            seen.append(inputs["input_ids"].tolist())

    student.base_model.register_forward_pre_hook(hear, with_kwargs=True)
    recover(student, teacher, batches, Schedule(8, 1e-3, batch_size=2), silent, deciding=tiny_batches("bert", 1))

    assert sorted(seen[:4]) == sorted(text)
    assert len(seen) == 8
    assert any(ids not in text for ids in seen[4:])


def test_a_step_takes_no_more_than_there_is() -> None:
    """Where a step asks for more sequences than the data has, it learns from each once."""
    student, teacher = cut("bert")
    batches, seen = tiny_batches("bert", 4), []
    student.base_model.register_forward_hook(lambda *_: seen.append(torch.is_grad_enabled()))

    recover(student, teacher, batches, Schedule(3, 1e-3, batch_size=1000), silent, deciding=tiny_batches("bert", 1))

    assert sum(seen) == 3 * len(batches)


def test_whitened_steps_are_steps_for_round_inputs() -> None:
    """A step in whitened coordinates is Adam's step for the map that is given whitened inputs."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(50, 8, generator=generator) @ torch.randn(8, 8, generator=generator)
    start, wanted = torch.randn(4, 8, generator=generator), torch.randn(50, 4, generator=generator)
    whiten = inverse_root(inputs.T @ inputs)
    weight, twin = nn.Parameter(start.clone()), nn.Parameter(start @ torch.linalg.inv(whiten))
    optimizer, adam = (
        WhitenedAdam([weight], {weight: whiten}, Machine()),
        torch.optim.AdamW([twin], 0.01, weight_decay=0),
    )

    for _ in range(5):
        (inputs @ weight.T - wanted).square().mean().backward()
        optimizer.step(0.01, largest=1e9)
        (inputs @ whiten @ twin.T - wanted).square().mean().backward()
        adam.step()
        adam.zero_grad()

    torch.testing.assert_close(weight, twin @ whiten, rtol=1e-3, atol=1e-4)
    assert (weight - start).abs().max() > 0.01


def test_inputs_that_never_move_are_left_as_they_are() -> None:
    """Whitening makes inputs round, is of the size of one, and leaves alone what has no power at all."""
    inputs = torch.randn(500, 6, generator=torch.Generator().manual_seed(0)).double() * torch.tensor([9, 3, 1, 1, 1, 1])

    whiten = inverse_root(inputs.T @ inputs).double()
    moment = (inputs @ whiten).T @ (inputs @ whiten)

    assert float(torch.linalg.cond(moment)) < 0.1 * float(torch.linalg.cond(inputs.T @ inputs))
    assert float(whiten.square().sum(dim=1).mean()) == pytest.approx(1)
    assert torch.equal(inverse_root(torch.zeros(3, 3)), torch.eye(3))


@pytest.mark.parametrize(("family", "sequences"), [("bert", 128), ("hubert", 16), ("vit", 32)])
def test_unless_said_the_kind_of_data_decides_how_much_a_step_learns_from(family: str, sequences: int) -> None:
    """Recordings are far longer than sentences, so that a step takes fewer; what there is bounds it all the same."""
    student, teacher = cut(family)
    plenty = [tiny_batch(family, size=8)] * (sequences // 8 + 1)
    seen: list[int] = []

    def hear(_: nn.Module, arguments: tuple[object, ...], inputs: dict[str, Tensor]) -> None:
        if torch.is_grad_enabled():
            seen.append(len(next(iter(inputs.values()))))

    student.base_model.register_forward_pre_hook(hear, with_kwargs=True)
    recover(student, teacher, ListBatches(plenty), Schedule(1, 1e-4), silent, deciding=ListBatches(plenty[:1]))

    assert sum(seen) == sequences


def test_whole_batches_fill_a_step() -> None:
    """A step takes batches until it has as many sequences as asked; the order is the seed's alone."""
    student, teacher = cut("bert")
    one, other = deepcopy(student), deepcopy(student)
    batches = ListBatches([tiny_batch("bert", size=3, seed=seed) for seed in range(6)])

    for model, size in ((one, 4), (other, 6)):
        recover(model, teacher, batches, Schedule(3, 1e-3, batch_size=size), silent)

    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))

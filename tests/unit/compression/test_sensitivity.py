"""Gradient scores against the same derivatives taken the long way round."""

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from jobs.batches import ListBatches
from jobs.compression.anatomy import anatomy_of
from jobs.compression.sensitivity import Reader, sensitivities
from tests.tiny import HEADS, UNITS, WIDTH, tiny, tiny_batch, tiny_batches


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


def readers(model: PreTrainedModel, kind: str) -> list[Reader]:
    """Return the maps that read heads or units."""
    layers = anatomy_of(model).layers(model)
    if kind == "heads":
        return [(layer.attention.output, layer.attention.head_dim) for layer in layers]
    return [(layer.feed_forward.down, 1) for layer in layers]


def found(measure: str, model: PreTrainedModel, kind: str, batches: ListBatches, seed: int = 0) -> list[Tensor]:
    """Return the scores of every layer."""
    rng = torch.Generator().manual_seed(seed)
    return sensitivities(
        measure,
        model,
        anatomy_of(model),
        readers(model, kind),
        batches,
        rng=rng,
        progress=silent,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(("kind", "count"), [("heads", HEADS), ("units", UNITS)])
def test_fisher_is_the_squared_derivative_by_a_factor(kind: str, count: int) -> None:
    """A part's score is the mean over samples of the squared slope of the probed output as the part fades."""
    model, batch = tiny("bert").double(), tiny_batch("bert", size=1)
    probe = torch.randn(model(**batch).last_hidden_state.shape, generator=torch.Generator().manual_seed(0))
    scores = found("fisher", model, kind, ListBatches([batch]))

    for layer, part in ((0, 1), (1, count - 1)):
        slot, size = readers(model, kind)[layer]
        here = slot.linear.weight.data[:, part * size : (part + 1) * size]
        probed = []
        for factor in (1 + 1e-5, 1 / (1 + 1e-5)):
            here.mul_(factor)
            probed.append(float((model(**batch).last_hidden_state.detach() * probe).sum()))
        slope = probed[0] / 1e-5 - (probed[1] / 1e-5)
        assert float(scores[layer][part]) == pytest.approx(slope**2, rel=1e-3)


def test_fisher_and_taylor_agree_where_there_is_one_position() -> None:
    """With one sample of one position, taylor is the root of fisher."""
    model, batch = tiny("bert"), {"input_ids": torch.tensor([[7]])}
    fisher, taylor = (found(each, model, "heads", ListBatches([batch])) for each in ("fisher", "taylor"))

    for squares, sizes in zip(fisher, taylor, strict=True):
        torch.testing.assert_close(squares.sqrt(), sizes)


@pytest.mark.parametrize("measure", ["fisher", "taylor"])
def test_a_part_that_nobody_reads_counts_nothing(measure: str) -> None:
    """A unit whose column in the next map is zero has a score of zero, and only it."""
    model = tiny("hubert")
    slot, _ = readers(model, "units")[0]
    torch.nn.init.zeros_(slot.linear.weight.data[:, 5])

    scores = found(measure, model, "units", tiny_batches("hubert", 2))[0]

    assert scores[5] == 0
    assert int((scores == 0).sum()) == 1


@pytest.mark.parametrize("measure", ["fisher", "taylor"])
def test_padding_does_not_count(measure: str) -> None:
    """What stands at padded positions changes no score."""
    model, batch = tiny("bert"), tiny_batch("bert", padded=True)
    other = {**batch, "input_ids": batch["input_ids"].where(batch["attention_mask"].bool(), torch.tensor(9))}

    first, second = (found(measure, model, "units", ListBatches([each])) for each in (batch, other))

    for one, two in zip(first, second, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("frozen", ["nothing", "everything", "below"])
def test_frozen_weights_make_no_difference(frozen: str) -> None:
    """Scores are the same whatever can be trained, and neither gradients nor flags stay behind."""
    model, plain = tiny("vit"), tiny("vit")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(frozen == "nothing" or (frozen == "below" and "layers.1" in name))
    flags = [parameter.requires_grad for parameter in model.parameters()]

    first, second = (found("fisher", each, "heads", tiny_batches("vit", 1)) for each in (model, plain))

    for one, two in zip(first, second, strict=True):
        torch.testing.assert_close(one, two)
    assert [parameter.requires_grad for parameter in model.parameters()] == flags
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_seed_decides() -> None:
    """The same seed gives the same bits, another one other probes."""
    model, batches = tiny("bert"), tiny_batches("bert", 2)
    first, again, other = (found("fisher", model, "heads", batches, seed)[0] for seed in (0, 0, 1))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (WIDTH // 8,)

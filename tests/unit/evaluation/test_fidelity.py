"""Closeness of hidden states, padding left out."""

from copy import deepcopy

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    HubertConfig,
    HubertModel,
    PreTrainedModel,
    ViTConfig,
    ViTModel,
)

from jobs.batches import Batch, ListBatches
from jobs.evaluation.fidelity import Pairing, fidelity

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
BERT = BertConfig(**SIZES, vocab_size=50)
HUBERT = HubertConfig(
    **SIZES,
    conv_dim=(16,) * 7,
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=4,
    feat_extract_norm="layer",
)
VIT = ViTConfig(**SIZES, image_size=16, patch_size=8)


def texts(*lengths: int, filler: int = 0) -> Batch:
    """Return texts of random ids, padded with *filler*."""
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)).long()
    ids = torch.randint(1, 50, mask.shape, generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids * mask + filler * (1 - mask), "attention_mask": mask}


def perturbed(model: PreTrainedModel, scale: float) -> PreTrainedModel:
    """Return a copy whose matrices carry noise."""
    copy = deepcopy(model)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in copy.parameters():
            if parameter.ndim > 1:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=scale)
    return copy


@pytest.fixture(scope="module")
def bert() -> BertModel:
    """Return a tiny BERT."""
    torch.manual_seed(0)
    return BertModel(BERT).eval()


def test_a_model_equals_itself(bert: BertModel) -> None:
    """The same weights give a cosine of 1 and no error, over every sequence of every batch."""
    same = fidelity(bert, deepcopy(bert), ListBatches([texts(5, 9), texts(7)]), source="held_out")

    assert same.cosine == pytest.approx(1)
    assert same.relative_error == 0
    assert (same.samples, same.source) == (3, "held_out")


def test_the_figures_are_their_definitions(bert: BertModel) -> None:
    """Cosine is the mean over positions, the error a ratio of norms over all of them together."""
    other, batches = perturbed(bert, 0.05), [texts(9, 9), texts(4)]
    with torch.no_grad():
        wanted = torch.cat([bert(**batch).last_hidden_state.flatten(0, 1) for batch in batches])
        given = torch.cat([other(**batch).last_hidden_state.flatten(0, 1) for batch in batches])

    found = fidelity(bert, other, ListBatches(batches), source="held_out")

    assert found.cosine == pytest.approx(float(torch.cosine_similarity(wanted, given).mean()), rel=1e-5)
    assert found.relative_error == pytest.approx(float((wanted - given).norm() / wanted.norm()), rel=1e-5)
    assert found.cosine < 0.999


def test_padding_does_not_count(bert: BertModel) -> None:
    """What stands in the padding changes nothing, and neither does padding itself."""
    other = perturbed(bert, 0.05)

    figures = [
        fidelity(bert, other, ListBatches([texts(4, 12, filler=filler)]), source="held_out") for filler in (0, 7)
    ]

    assert figures[0].cosine == pytest.approx(figures[1].cosine, rel=1e-5)
    alone = ListBatches([{name: value[:1, :4] for name, value in texts(4, 12).items()}, texts(4, 12)])
    assert fidelity(bert, other, alone, source="held_out").samples == 3


def test_more_damage_means_less_fidelity(bert: BertModel) -> None:
    """Both figures tell a little noise from much."""
    little, much = (
        fidelity(bert, perturbed(bert, scale), ListBatches([texts(8)]), source="held_out") for scale in (0.01, 0.1)
    )

    assert little.cosine > much.cosine
    assert little.relative_error < much.relative_error


def test_task_heads_are_compared_below_the_head(bert: BertModel) -> None:
    """Two classifiers with one body are the same, whatever their heads say."""
    first, second = BertForSequenceClassification(BERT), BertForSequenceClassification(BERT)
    second.bert.load_state_dict(first.bert.state_dict())

    assert fidelity(first, second, ListBatches([texts(6)]), source="held_out").relative_error == 0


def test_a_mask_over_samples_is_mapped_to_frames() -> None:
    """In audio the padded frames of a short recording are left out, as the model itself sees them."""
    torch.manual_seed(0)
    dense = HubertModel(HUBERT).eval()
    other = perturbed(dense, 0.05)
    wave = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 8000, dtype=torch.long)
    mask[0, 3000:] = 0
    batch = {"input_values": wave * mask, "attention_mask": mask}
    with torch.no_grad():
        wanted, given = dense(**batch).last_hidden_state, other(**batch).last_hidden_state
    frames = int(dense._get_feat_extract_output_lengths(torch.tensor(3000)))
    cosines = torch.cosine_similarity(wanted, given, dim=-1)
    real = torch.cat([cosines[0, :frames], cosines[1]])

    found = fidelity(dense, other, ListBatches([batch]), source="held_out")

    assert frames < wanted.shape[1]
    assert found.cosine == pytest.approx(float(real.mean()), rel=1e-5)


def test_images_have_no_mask() -> None:
    """Every patch of an image counts."""
    model = ViTModel(VIT).eval()
    batch = {"pixel_values": torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))}

    assert fidelity(model, model, ListBatches([batch]), source="synthetic").samples == 2


def test_models_are_left_in_their_mode(bert: BertModel) -> None:
    """A model in training goes on training, and is compared without dropout."""
    training = deepcopy(bert).train()

    assert fidelity(bert, training, ListBatches([texts(8)]), source="held_out").relative_error == 0
    assert training.training


def test_every_layer_is_compared_with_the_one_it_was(bert: BertModel) -> None:
    """A layer that was left alone is the same in every figure, the first one that was changed is not, nor any above."""
    other = deepcopy(bert)
    with torch.no_grad():
        other.encoder.layer[1].output.dense.weight.mul_(0.5)
    pairing = Pairing(bert.encoder.layer, other.encoder.layer, (0, 1))

    found = fidelity(bert, other, ListBatches([texts(9, 6), texts(4)]), source="held_out", pairing=pairing)

    same, changed = found.layers
    assert [(each.layer, each.of) for each in found.layers] == [(0, 0), (1, 1)]
    assert (same.cosine, same.cka, same.relative_error) == pytest.approx((1, 1, 0))
    assert changed.cka < 1
    assert (changed.cosine, changed.relative_error) == pytest.approx((found.cosine, found.relative_error))


def test_a_shorter_model_is_compared_with_the_layers_that_it_keeps(bert: BertModel) -> None:
    """The only layer of a student stands beside the one that it was, not beside the one in its place."""
    student = deepcopy(bert)
    student.encoder.layer = student.encoder.layer[1:]
    bottomless = deepcopy(bert)
    bottomless.encoder.layer[0].forward = lambda hidden, *_, **__: hidden
    pairing = Pairing(bottomless.encoder.layer, student.encoder.layer, (1,))

    found = fidelity(bottomless, student, ListBatches([texts(9)]), source="held_out", pairing=pairing)

    assert [(each.layer, each.of) for each in found.layers] == [(0, 1)]
    assert found.layers[0].relative_error == pytest.approx(0, abs=1e-6)


def test_padding_does_not_count_in_any_layer(bert: BertModel) -> None:
    """What stands in the padding changes no figure of a layer."""
    other = perturbed(bert, 0.05)
    pairing = Pairing(bert.encoder.layer, other.encoder.layer, (0, 1))

    first, second = (
        fidelity(bert, other, ListBatches([texts(4, 12, filler=filler)]), source="held_out", pairing=pairing).layers
        for filler in (0, 7)
    )

    for one, another in zip(first, second, strict=True):
        assert (one.cosine, one.cka, one.relative_error) == pytest.approx(
            (another.cosine, another.cka, another.relative_error), rel=1e-4
        )


def test_layers_of_which_nothing_is_known_are_not_compared(bert: BertModel) -> None:
    """Where it is not told of every layer which one it was, none is guessed: only the outputs are compared."""
    for of in ((0,), (0, 2)):
        pairing = Pairing(bert.encoder.layer, bert.encoder.layer, of)
        found = fidelity(bert, bert, ListBatches([texts(9)]), source="held_out", pairing=pairing)

        assert (found.layers, found.relative_error) == ((), 0)

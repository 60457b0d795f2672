"""The MAC counter against closed forms, to the integer."""

from math import prod

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    GPT2Config,
    GPT2Model,
    HubertConfig,
    HubertModel,
    PreTrainedModel,
    ViTConfig,
    ViTModel,
    WavLMConfig,
    WavLMModel,
)

from benchmarks.closed_forms import Layer, bert_macs, gpt2_macs, hubert_macs, melhubert_macs, vit_macs
from jobs.checkpoint.modelpress_layers import FactorisedLinear
from jobs.checkpoint.modelpress_melhubert import MelHubertConfig, MelHubertModel
from jobs.profiling.macs import count_macs

TOKENS = 64
ATTENTIONS = ("sdpa", "eager")


def layer_macs(positions: int, width: int, hidden: int, heads_width: int | None = None) -> int:
    """Return one Transformer layer."""
    return Layer(width, width if heads_width is None else heads_width, hidden).macs(positions)


def on_meta(kind: type[PreTrainedModel], config: object) -> PreTrainedModel:
    """Return a model without values: only its shapes are needed."""
    with torch.device("meta"):
        return kind(config).to("meta").eval()


def ids(tokens: int = TOKENS) -> dict[str, Tensor]:
    """Return a batch of one text."""
    return {"input_ids": torch.ones(1, tokens, dtype=torch.long)}


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_bert_base(attention: str) -> None:
    """BERT-base gives its closed form, which is 5.5119 G for 64 tokens."""
    config = BertConfig(attn_implementation=attention)

    count = count_macs(on_meta(BertModel, config), ids())

    assert count.executed == bert_macs(config, TOKENS)
    assert round(count.executed / 1e9, 4) == 5.5119
    assert not count.uncounted_ops


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_hubert_base(attention: str) -> None:
    """HuBERT-base gives its closed form, weight-normed positional convolution included: 6.9114 G for a second."""
    config = HubertConfig(attn_implementation=attention)

    count = count_macs(on_meta(HubertModel, config), {"input_values": torch.zeros(1, 16_000)})

    assert count.executed == hubert_macs(config, 16_000)
    assert round(count.executed / 1e9, 4) == 6.9114
    assert not count.uncounted_ops


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_melhubert(attention: str) -> None:
    """MelHuBERT gives its closed form from the waveform on, mel triangles and stacked frames included."""
    config = MelHubertConfig(attn_implementation=attention)

    count = count_macs(on_meta(MelHubertModel, config), {"input_values": torch.zeros(1, 16_000)})

    assert count.executed == melhubert_macs(config, 16_000)
    assert not count.uncounted_ops


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_vit_base(attention: str) -> None:
    """ViT-B/16 gives its closed form: 17.5637 G."""
    config = ViTConfig(attn_implementation=attention)

    count = count_macs(on_meta(ViTModel, config), {"pixel_values": torch.zeros(1, 3, 224, 224)})

    assert count.executed == vit_macs(config)
    assert round(count.executed / 1e9, 4) == 17.5637
    assert not count.uncounted_ops


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_gpt2(attention: str) -> None:
    """GPT-2, whose layers are no Linears but Conv1Ds, gives its closed form: 5.5113 G."""
    config = GPT2Config(attn_implementation=attention)

    count = count_macs(on_meta(GPT2Model, config), ids())

    assert count.executed == gpt2_macs(config, TOKENS)
    assert round(count.executed / 1e9, 4) == 5.5113
    assert not count.uncounted_ops


def tiny_bert(attention: str = "sdpa") -> BertModel:
    """Return two layers of width 32."""
    config = BertConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=TOKENS,
        attn_implementation=attention,
    )
    return BertModel(config).eval()


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_real_kernels_count_like_their_shapes(attention: str) -> None:
    """On the CPU, where another attention kernel runs, padding and batch size change nothing in the form."""
    model = tiny_bert(attention)
    mask = torch.ones(3, 16, dtype=torch.long)
    mask[0, 9:] = 0

    count = count_macs(model, {"input_ids": torch.ones(3, 16, dtype=torch.long), "attention_mask": mask})

    assert count.executed == 3 * bert_macs(model.config, 16)
    assert not count.uncounted_ops


def test_removed_heads_and_units_are_removed_from_the_count() -> None:
    """A layer with 2 of 4 heads and 20 of 64 units counts as its new closed form says."""
    model = tiny_bert()
    dense = count_macs(model, ids(16)).executed
    layer = model.encoder.layer[0]
    attention = layer.attention.self
    attention.query, attention.key, attention.value = (nn.Linear(32, 16) for _ in range(3))
    layer.attention.output.dense = nn.Linear(16, 32)
    layer.intermediate.dense, layer.output.dense = nn.Linear(32, 20), nn.Linear(20, 32)

    pruned = count_macs(model, ids(16)).executed

    assert dense - pruned == layer_macs(16, 32, 64) - layer_macs(16, 32, 20, heads_width=16)


def test_a_factorised_layer_is_two_products() -> None:
    """Rank 5 of a 32 × 64 matrix multiplies 5 × (32 + 64) numbers a token."""
    model = tiny_bert()
    dense = count_macs(model, ids(16)).executed
    model.encoder.layer[1].intermediate.dense = FactorisedLinear(32, 64, 5)

    factorised = count_macs(model, ids(16)).executed

    assert dense - factorised == 16 * (32 * 64 - 5 * (32 + 64))


def test_zeros_lower_only_the_theoretical_count() -> None:
    """A masked Linear counts tokens × non-zeros in theory and stays dense in what is executed."""
    model = tiny_bert()
    dense = count_macs(model, ids(16))
    weight = model.encoder.layer[0].output.dense.weight
    with torch.no_grad():
        weight[:, ::3] = 0
    zeros = weight.numel() - int(weight.count_nonzero())

    masked = count_macs(model, ids(16))

    assert masked.executed == dense.executed
    assert dense.theoretical - masked.theoretical == 16 * zeros


class Convolutions(nn.Module):
    """A grouped strided convolution and a transposed one."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv1d(4, 6, 3, stride=2, groups=2)
        self.up = nn.ConvTranspose1d(6, 4, 5, stride=2)

    def forward(self, signal: Tensor) -> Tensor:
        """Return the signal, shortened and lengthened."""
        return self.up(self.down(signal))


def test_convolutions() -> None:
    """A convolution multiplies one filter an output, a transposed one a filter an input; zeros scale both."""
    model = Convolutions()
    with torch.no_grad():
        model.down.weight[0] = 0

    count = count_macs(model, {"signal": torch.zeros(2, 4, 21)})

    down, up = 2 * 6 * 10 * prod((2, 3)), 2 * 6 * 10 * prod((4, 5))
    assert count.executed == down + up
    assert count.theoretical == down - down // 6 + up


class Inverses(nn.Module):
    """Something whose cost is in no table."""

    def forward(self, square: Tensor) -> Tensor:
        """Return two inverses, added."""
        return torch.linalg.inv(square) + torch.linalg.inv(square)


def test_what_has_no_formula_is_listed() -> None:
    """An operation that is in no table is named, with how often it ran, instead of counted as nothing."""
    count = count_macs(Inverses(), {"square": torch.eye(8)})

    assert count.uncounted_ops == {"aten.linalg_inv_ex": 2}
    assert count.executed == 0


TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (WavLMModel, WavLMConfig(**TINY, conv_dim=(16,) * 7, num_conv_pos_embeddings=16, attn_implementation="eager")),
        (DebertaV2Model, DebertaV2Config(**TINY, vocab_size=50, relative_attention=True, pos_att_type=["c2p", "p2c"])),
    ],
)
def test_families_with_their_own_attention_count_whole(kind: type[PreTrainedModel], config: object) -> None:
    """Relative positions and gates leave nothing uncounted."""
    model = kind(config)
    batch = {"input_values": torch.zeros(1, 4000)} if kind is WavLMModel else ids(16)

    count = count_macs(model, batch)

    assert not count.uncounted_ops
    assert count.executed > 2 * layer_macs(12, 32, 64)


def test_the_model_is_left_as_it_was() -> None:
    """Counting keeps the training mode of every module and each parameter's wish for gradients."""
    model = tiny_bert().train()
    model.pooler.eval()

    count_macs(model, ids(8))

    assert model.training
    assert not model.pooler.training
    assert all(parameter.requires_grad for parameter in model.parameters())

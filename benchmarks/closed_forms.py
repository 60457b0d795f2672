"""How many MACs a forward pass takes by arithmetic alone: what every counter is held against.

1 MAC is a multiply-add of a matrix product or a convolution; attention counts whole, masked positions included.
Symbols: T positions, D width, A width of the kept heads together, F feed-forward units, R rank of the pair's two maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from transformers import BertConfig, GPT2Config, HubertConfig, ViTConfig


@dataclass(frozen=True, slots=True)
class Layer:
    """The sizes of one Transformer layer.

    Attributes:
        width: D.
        heads_width: A.
        units: F.
        rank: R of the feed-forward pair; None where it is dense.
    """

    width: int
    heads_width: int
    units: int
    rank: int | None = None

    def macs(self, positions: int) -> int:
        """Return what the layer multiplies: q, k, v, o, the feed-forward pair, scores and weighted sum."""
        pair = 2 * (self.width * self.units if self.rank is None else self.rank * (self.width + self.units))
        linear = 4 * self.width * self.heads_width + pair
        return positions * linear + 2 * positions**2 * self.heads_width


def layers_of(config: Any) -> list[Layer]:
    """Return the layers of a dense model."""
    width = config.hidden_size
    units = getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * width
    return [Layer(width, width, units)] * config.num_hidden_layers


def cut(layers: Sequence[Layer], **sizes: int) -> list[Layer]:
    """Return *layers* with other sizes, the same in each."""
    return [replace(each, **sizes) for each in layers]


def stack_macs(layers: Sequence[Layer], positions: int) -> int:
    """Return what all layers multiply."""
    return sum(each.macs(positions) for each in layers)


def bert_macs(config: BertConfig, tokens: int, layers: Sequence[Layer] | None = None) -> int:
    """Return BERT: its layers and the pooler, which sees one token."""
    return stack_macs(layers_of(config) if layers is None else layers, tokens) + config.hidden_size**2


def gpt2_macs(config: GPT2Config, tokens: int, layers: Sequence[Layer] | None = None) -> int:
    """Return GPT-2: its layers, causal attention counted whole."""
    return stack_macs(layers_of(config) if layers is None else layers, tokens)


def vit_macs(config: ViTConfig, layers: Sequence[Layer] | None = None) -> int:
    """Return ViT: patches, layers over patches and the class token, pooler."""
    width, patches = config.hidden_size, (config.image_size // config.patch_size) ** 2
    embedding = patches * width * config.num_channels * config.patch_size**2
    return embedding + stack_macs(layers_of(config) if layers is None else layers, patches + 1) + width**2


def hubert_macs(config: HubertConfig, samples: int, layers: Sequence[Layer] | None = None) -> int:
    """Return HuBERT: its convolutions, projection, grouped positional convolution, layers."""
    length, channels, front = samples, 1, 0
    for width, kernel, stride in zip(config.conv_dim, config.conv_kernel, config.conv_stride, strict=True):
        length = (length - kernel) // stride + 1
        front += length * width * channels * kernel
        channels = width
    return front + length * channels * config.hidden_size + _positioned(config, length, layers)


def melhubert_macs(config: Any, samples: int, layers: Sequence[Layer] | None = None) -> int:
    """Return MelHuBERT: triangles over 257 frequencies, projection of stacked frames, positions, layers."""
    frames = (samples - 400) // 160 + 1
    length = ceil(frames / config.frames_stacked)
    mel = frames * 257 * config.num_mel_bins
    projection = length * config.num_mel_bins * config.frames_stacked * config.hidden_size
    return mel + projection + _positioned(config, length, layers)


def _positioned(config: Any, length: int, layers: Sequence[Layer] | None) -> int:
    """Return the positional convolution of HuBERT's encoder and its layers; an even kernel gives a frame too many."""
    width, kernel = config.hidden_size, config.num_conv_pos_embeddings
    convolved = length + (kernel % 2 == 0)
    positional = convolved * width * (width // config.num_conv_pos_embedding_groups) * kernel
    return positional + stack_macs(layers_of(config) if layers is None else layers, length)

"""Models that have the names and the shapes of a BERT and are something else."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel, PreTrainedModel

CONFIG: Mapping[str, Any] = {
    "hidden_size": 32,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "vocab_size": 97,
    "max_position_embeddings": 40,
}


class OddConfig(BertConfig):
    """Describes a BERT that is not what it seems."""

    model_type = "odd"


class Odd(BertModel):
    """A BERT, told apart by its type."""

    config_class = OddConfig


class SwappedNames(Odd):
    """Its query is called value, its value key, and its key query."""

    def __init__(self, config: OddConfig, **rest: Any) -> None:
        super().__init__(config, **rest)
        for layer in self.encoder.layer:
            layer.attention.self = Swapped(config)


class Swapped(nn.Module):
    """An attention whose maps have each other's names."""

    def __init__(self, config: OddConfig) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(32, 32) for _ in range(3))

    def forward(self, hidden_states: Tensor, attention_mask: Tensor | None = None, **_: Any) -> tuple[Tensor, None]:
        """Return the context, and no weights."""
        query, key, value = (
            each(hidden_states).unflatten(-1, (-1, 8)).transpose(1, 2) for each in (self.value, self.query, self.key)
        )
        context = nn.functional.scaled_dot_product_attention(query, key, value, attention_mask)
        return context.transpose(1, 2).flatten(2), None


class TalkingHeads(Odd):
    """Its heads hear each other: each gives a mean of its own context and that of the next."""

    def __init__(self, config: OddConfig, **rest: Any) -> None:
        super().__init__(config, **rest)
        for layer in self.encoder.layer:
            layer.attention.self = Talking(config)


class Talking(Swapped):
    """Mixes the contexts of neighbours."""

    def forward(self, hidden_states: Tensor, attention_mask: Tensor | None = None, **rest: Any) -> tuple[Tensor, None]:
        """Return the context, and no weights."""
        context, _ = super().forward(hidden_states, attention_mask)
        return (context + context.roll(8, dims=-1)) / 2, None


class TalkingQueries(Odd):
    """Its heads ask together: each query is the sum of its own and the next head's; values are their own."""

    def __init__(self, config: OddConfig, **rest: Any) -> None:
        super().__init__(config, **rest)
        for layer in self.encoder.layer:
            layer.attention.self = AskingTogether(config)


class AskingTogether(Swapped):
    """Mixes the queries of neighbours."""

    def forward(self, hidden_states: Tensor, attention_mask: Tensor | None = None, **rest: Any) -> tuple[Tensor, None]:
        """Return the context, and no weights."""
        with self.value.register_forward_hook(lambda *given: given[-1] + given[-1].roll(8, dims=-1)):
            return super().forward(hidden_states, attention_mask)


class SecretQueries(Odd):
    """As the one before, out of hearing: what its query map gives is mixed already."""

    def __init__(self, config: OddConfig, **rest: Any) -> None:
        super().__init__(config, **rest)
        for layer in self.encoder.layer:
            layer.attention.self.query.register_forward_hook(lambda *given: given[-1] + given[-1].roll(8, dims=-1))


class TalkingUnits(Odd):
    """Its units are normalised together before they are read."""

    def __init__(self, config: OddConfig, **rest: Any) -> None:
        super().__init__(config, **rest)
        for layer in self.encoder.layer:
            layer.intermediate.intermediate_act_fn = nn.Sequential(
                nn.GELU(), nn.LayerNorm(64, elementwise_affine=False)
            )


class SharedWeights(Odd):
    """Its layers have one set of weights."""

    def __init__(self, config: OddConfig, **rest: Any) -> None:
        super().__init__(config, **rest)
        self.encoder.layer[1].intermediate.dense.weight = self.encoder.layer[0].intermediate.dense.weight


class Skipping(Odd):
    """Its second layer is given what the first was given as well."""

    def __init__(self, config: OddConfig, **rest: Any) -> None:
        super().__init__(config, **rest)
        self.encoder.layer[0].register_forward_hook(lambda _, given, output: output + 0)
        self.encoder.layer[1].register_forward_pre_hook(lambda _, given: (given[0] * 2, *given[1:]))


def odd(kind: type[PreTrainedModel]) -> PreTrainedModel:
    """Return a tiny model of an odd class."""
    torch.manual_seed(0)
    return kind(OddConfig(**CONFIG)).eval()

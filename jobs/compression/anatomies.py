"""The families of encoders that we know, one row each: how an architecture names its parts.

A new family is a new row; ``tests/laws`` then runs every technique on it. A row is enough where the attention reshapes
its projections by ``-1, head_dim``, so that cutting whole heads out of the projections is all there is to do.
"""

from dataclasses import dataclass, replace

from jobs.contract.spec import InputKind


@dataclass(frozen=True, slots=True)
class Family:
    """Where the parts of one family of architectures are.

    Attributes:
        model_types: the ``model_type`` values of the configs that share this row.
        modality: what goes in.
        layers: path of the stack of layers, from the base model.
        query, key, value, output: paths of the attention's projections, from a layer.
        up, down: paths of the feed-forward pair, from a layer.
        width: config field of the feed-forward width.
        width_in_hidden: that field counts in multiples of ``hidden_size``.
        free_heads: the class reads ``head_dim`` from its config, so that fewer heads need no other code.
        norm_first: a block reads the normalised residual stream and writes into the plain one.
        attention_scale, feed_forward_scale: paths, from a layer, of what a block's output is multiplied by before it
            joins the stream; empty where nothing is.
    """

    model_types: tuple[str, ...]
    modality: InputKind
    layers: str
    query: str
    key: str
    value: str
    output: str
    up: str
    down: str
    width: str = "intermediate_size"
    width_in_hidden: bool = False
    free_heads: bool = False
    norm_first: bool = False
    attention_scale: str = ""
    feed_forward_scale: str = ""


BERT = Family(
    model_types=("bert", "roberta", "xlm-roberta", "electra"),
    modality="text",
    layers="encoder.layer",
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    output="attention.output.dense",
    up="intermediate.dense",
    down="output.dense",
)

DISTILBERT = Family(
    model_types=("distilbert",),
    modality="text",
    layers="transformer.layer",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    output="attention.out_lin",
    up="ffn.lin1",
    down="ffn.lin2",
    width="hidden_dim",
)

WAV2VEC2 = Family(
    model_types=("hubert", "wav2vec2", "data2vec-audio", "unispeech-sat", "melhubert"),
    modality="audio",
    layers="encoder.layers",
    query="attention.q_proj",
    key="attention.k_proj",
    value="attention.v_proj",
    output="attention.out_proj",
    up="feed_forward.intermediate_dense",
    down="feed_forward.output_dense",
)

VIT = Family(
    model_types=("vit", "deit"),
    modality="image",
    layers="layers",
    query="attention.q_proj",
    key="attention.k_proj",
    value="attention.v_proj",
    output="attention.o_proj",
    up="mlp.fc1",
    down="mlp.fc2",
    free_heads=True,
    norm_first=True,
)

AST = replace(VIT, model_types=("audio-spectrogram-transformer",), modality="audio")

DINOV2 = replace(
    VIT,
    model_types=("dinov2",),
    layers="encoder.layer",
    width="mlp_ratio",
    width_in_hidden=True,
    attention_scale="layer_scale1.lambda1",
    feed_forward_scale="layer_scale2.lambda1",
)

FAMILIES: tuple[Family, ...] = (BERT, DISTILBERT, WAV2VEC2, VIT, AST, DINOV2)
"""Every family; techniques never mention one."""

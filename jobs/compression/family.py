"""What a row of the table of families says: how an architecture names its parts, and what is peculiar to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.compression.companions import Row
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
        gate: path of what the units are multiplied by, in gated pairs.
        first_up, first_down: paths of another pair, ahead of the attention.
        fused: paths of maps that hold several others, and the names of those, in their order.
        transposed: paths of further maps whose matrices lie the other way round; fused ones then do so too.
        shared: each layer of the stack is used several times.
        keeps_first: the first layer is built otherwise than the others, so that none of them can take its place.
        width: config field of the feed-forward width.
        width_in_hidden: that field counts in multiples of ``hidden_size``.
        free_heads: the class reads ``head_dim`` from its config, so that fewer heads need no other code.
        norm_first: a block reads the normalised residual stream and writes into the plain one.
        attention_scale, feed_forward_scale: paths, from a layer, of what a block's output is multiplied by before it
            joins the stream; empty where nothing is.
        feed_forward_share: a constant that a pair's output is multiplied by before it joins the stream.
        attention_reads, feed_forward_reads: paths, from a layer, of what reads the stream that a block's output is
            added to, where it is neither the layer nor, after normalising, the first map of the pair.
        when: a field by which a config says that the model is of this row, where rows share a ``model_type``.
        reads_weights: paths of attentions that read the weights of their projections instead of calling them.
        companions: what hangs on a layer's heads beside the projections.
        discovered: the row is in no table: the parts were found by their effect, and proven.
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
    feed_forward_share: float = 1.0
    attention_reads: str = ""
    feed_forward_reads: str = ""
    gate: str = ""
    first_up: str = ""
    first_down: str = ""
    fused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    transposed: tuple[str, ...] = ()
    shared: bool = False
    keeps_first: bool = False
    when: str = ""
    reads_weights: tuple[str, ...] = ()
    companions: tuple[Row, ...] = ()
    discovered: bool = False

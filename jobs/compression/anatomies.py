"""The families of encoders that we know, one row each: how an architecture names its parts.

A new family is a new row; ``tests/laws`` then runs every technique on it. A row is enough where the attention reshapes
its projections by ``-1, head_dim``, so that cutting whole heads out of the projections is all there is to do. What has
no row is looked through by ``discovery``.
"""

from dataclasses import replace

from jobs.compression.companions import Choice, Count, Table, linear
from jobs.compression.family import Family

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
    model_types=("vit", "deit", "vit_mae"),
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

MPNET = replace(
    BERT,
    model_types=("mpnet",),
    query="attention.attn.q",
    key="attention.attn.k",
    value="attention.attn.v",
    output="attention.attn.o",
    companions=(
        Count("attention.attn.num_attention_heads"),
        Count("attention.attn.all_head_size", wide=True),
        Choice("attention.attn", shared="encoder.relative_attention_bias"),
    ),
)

DEBERTA = replace(
    BERT,
    model_types=("deberta-v2",),
    query="attention.self.query_proj",
    key="attention.self.key_proj",
    value="attention.self.value_proj",
    companions=(
        Count("attention.self.num_attention_heads"),
        Count("attention.self.all_head_size", wide=True),
        *linear("attention.self.pos_key_proj"),
        *linear("attention.self.pos_query_proj"),
    ),
)

WAVLM = replace(
    WAV2VEC2,
    model_types=("wavlm",),
    reads_weights=("attention",),
    companions=(
        Table("attention.gru_rel_pos_const", axis=1),
        Choice("attention", shared="encoder.layers.0.attention.rel_attn_embed"),
    ),
)

BEIT = replace(
    VIT,
    model_types=("beit",),
    attention_scale="lambda_1",
    feed_forward_scale="lambda_2",
    companions=(
        Table("relative_position_bias.relative_position_bias_table", axis=1),
        Choice("", shared="shared_position_bias"),
    ),
)

DATA2VEC_VISION = replace(
    BERT,
    model_types=("data2vec-vision",),
    modality="image",
    query="attention.attention.query",
    key="attention.attention.key",
    value="attention.attention.value",
    norm_first=True,
    attention_scale="lambda_1",
    feed_forward_scale="lambda_2",
    companions=(
        Count("attention.attention.num_attention_heads"),
        Count("attention.attention.all_head_size", wide=True),
        Table("attention.attention.relative_position_bias.relative_position_bias_table", axis=1),
        Choice("attention.attention", shared="encoder.relative_position_bias"),
    ),
)

T5 = Family(
    model_types=("t5", "mt5"),
    modality="text",
    layers="encoder.block",
    query="layer.0.SelfAttention.q",
    key="layer.0.SelfAttention.k",
    value="layer.0.SelfAttention.v",
    output="layer.0.SelfAttention.o",
    up="layer.1.DenseReluDense.wi",
    down="layer.1.DenseReluDense.wo",
    width="d_ff",
    norm_first=True,
    companions=(
        Count("layer.0.SelfAttention.n_heads"),
        Count("layer.0.SelfAttention.inner_dim", wide=True),
        Choice("layer.0.SelfAttention", shared="encoder.block.0.layer.0.SelfAttention.relative_attention_bias"),
    ),
)

GATED_T5 = replace(T5, up="layer.1.DenseReluDense.wi_1", gate="layer.1.DenseReluDense.wi_0", when="is_gated_act")

ALBERT = replace(
    BERT,
    model_types=("albert",),
    layers="encoder.albert_layer_groups",
    query="albert_layers.0.attention.query",
    key="albert_layers.0.attention.key",
    value="albert_layers.0.attention.value",
    output="albert_layers.0.attention.dense",
    up="albert_layers.0.ffn",
    down="albert_layers.0.ffn_output",
    shared=True,
)

MODERNBERT = Family(
    model_types=("modernbert",),
    modality="text",
    layers="layers",
    query="attn.Wqkv.query",
    key="attn.Wqkv.key",
    value="attn.Wqkv.value",
    output="attn.Wo",
    up="mlp.Wi.up",
    gate="mlp.Wi.gate",
    down="mlp.Wo",
    fused={"attn.Wqkv": ("query", "key", "value"), "mlp.Wi": ("up", "gate")},
    norm_first=True,
    keeps_first=True,
)

GPT2 = Family(
    model_types=("gpt2",),
    modality="text",
    layers="h",
    query="attn.c_attn.query",
    key="attn.c_attn.key",
    value="attn.c_attn.value",
    output="attn.c_proj",
    up="mlp.c_fc",
    down="mlp.c_proj",
    width="n_inner",
    fused={"attn.c_attn": ("query", "key", "value")},
    transposed=("attn.c_proj", "mlp.c_fc", "mlp.c_proj"),
    norm_first=True,
    companions=(Count("attn.num_heads"), Count("attn.split_size", wide=True)),
)

OPT = Family(
    model_types=("opt",),
    modality="text",
    layers="decoder.layers",
    query="self_attn.q_proj",
    key="self_attn.k_proj",
    value="self_attn.v_proj",
    output="self_attn.out_proj",
    up="fc1",
    down="fc2",
    width="ffn_dim",
    companions=(Count("self_attn.num_heads"),),
)

WHISPER = replace(
    OPT,
    model_types=("whisper",),
    modality="audio",
    layers="encoder.layers",
    width="encoder_ffn_dim",
    norm_first=True,
)

LLAMA = Family(
    model_types=("llama", "mistral", "qwen2", "qwen3", "gemma"),
    modality="text",
    layers="layers",
    query="self_attn.q_proj",
    key="self_attn.k_proj",
    value="self_attn.v_proj",
    output="self_attn.o_proj",
    up="mlp.up_proj",
    gate="mlp.gate_proj",
    down="mlp.down_proj",
    free_heads=True,
    norm_first=True,
)

WAV2VEC2_BERT = Family(
    model_types=("wav2vec2-bert",),
    modality="audio",
    layers="encoder.layers",
    query="self_attn.linear_q",
    key="self_attn.linear_k",
    value="self_attn.linear_v",
    output="self_attn.linear_out",
    up="ffn2.intermediate_dense",
    down="ffn2.output_dense",
    first_up="ffn1.intermediate_dense",
    first_down="ffn1.output_dense",
    feed_forward_share=0.5,
    attention_reads="self_attn_layer_norm",
    feed_forward_reads="ffn2_layer_norm",
    companions=(
        *linear("self_attn.linear_pos"),
        Table("self_attn.pos_bias_u"),
        Table("self_attn.pos_bias_v"),
    ),
)

FAMILIES: tuple[Family, ...] = (
    BERT,
    DISTILBERT,
    WAV2VEC2,
    VIT,
    AST,
    DINOV2,
    MPNET,
    DEBERTA,
    WAVLM,
    BEIT,
    DATA2VEC_VISION,
    GATED_T5,
    T5,
    ALBERT,
    MODERNBERT,
    GPT2,
    OPT,
    WHISPER,
    LLAMA,
    WAV2VEC2_BERT,
)
"""Every family; techniques never mention one."""

"""What the tables of BERT, RoBERTa, ALBERT and ELECTRA share."""

from collections.abc import Mapping
from typing import Any

from transformer_lm.convert.conversion import HfConfig
from transformer_lm.convert.hf_fields import to_hf
from transformer_lm.convert.layouts import PLAIN, Layout, Matrix, Vector, Vocabulary
from transformer_lm.convert.param_map import Entry
from transformer_lm.models.encoder import EncoderConfig
from transformer_lm.models.layers import padded_vocab_size

FIELDS = {
    "num_hidden_layers": "num_layers",
    "hidden_size": "emb_dim",
    "num_attention_heads": "num_heads",
    "intermediate_size": "mlp_dim",
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout_rate",
    "attention_probs_dropout_prob": "attention_dropout_rate",
    "layer_norm_eps": "layer_norm_epsilon",
    "initializer_range": "initializer_range",
    "type_vocab_size": "type_vocab_size",
    "max_position_embeddings": "max_position_embeddings",
}
DEFAULTS: dict[str, Any] = {
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "initializer_range": 0.02,
    "type_vocab_size": 2,
}
"""What transformers takes where a config.json says nothing."""
ONLY = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}
IGNORED = (r".*\.embeddings\.(position|token_type)_ids",)
"""Buffers that transformers before 4.31 wrote into every file."""


def linear(ours: str, theirs: str, inputs: int, outputs: int) -> list[Entry]:
    """Returns the entries of a dense layer."""
    return [
        Entry((f"{ours}/kernel",), f"{theirs}.weight", Matrix((inputs,), (outputs,))),
        Entry((f"{ours}/bias",), f"{theirs}.bias", Vector((outputs,))),
    ]


def norm(ours: str, theirs: str, width: int) -> list[Entry]:
    """Returns the entries of a layer norm."""
    return [
        Entry((f"{ours}/norm/scale",), f"{theirs}.weight", Vector((width,))),
        Entry((f"{ours}/norm/bias",), f"{theirs}.bias", Vector((width,))),
    ]


def vocabulary(vocab_size: int) -> Vocabulary:
    """Returns the layout of what has a row for each token."""
    return Vocabulary(vocab_size, padded_vocab_size(vocab_size))


def embeddings(
    ours: str, theirs: str, width: int, vocab_size: int, position: Layout = PLAIN
) -> list[Entry]:
    """Returns the entries of the embedding module."""
    table, layout = "embedding", vocabulary(vocab_size)
    return [
        Entry((f"{ours}/word/{table}",), f"{theirs}.word_embeddings.weight", layout),
        Entry(
            (f"{ours}/position/{table}",),
            f"{theirs}.position_embeddings.weight",
            position,
        ),
        Entry(
            (f"{ours}/token_type/{table}",), f"{theirs}.token_type_embeddings.weight"
        ),
        *norm(f"{ours}/norm", f"{theirs}.LayerNorm", width),
    ]


def attention(
    ours: str, theirs: Mapping[str, str], config: EncoderConfig
) -> list[Entry]:
    """Returns the entries of the four projections.

    Args:
      ours: path of the attention.
      theirs: their names for query, key, value and out.
      config: sizes.
    """
    embed = (config.emb_dim,)
    heads = (config.num_heads, config.emb_dim // config.num_heads)
    entries = []
    for name in ("query", "key", "value", "out"):
        inputs, outputs = (heads, embed) if name == "out" else (embed, heads)
        kernel, bias = Matrix(inputs, outputs), Vector(outputs)
        entries.append(
            Entry((f"{ours}/{name}/kernel",), f"{theirs[name]}.weight", kernel)
        )
        entries.append(Entry((f"{ours}/{name}/bias",), f"{theirs[name]}.bias", bias))
    return entries


def block(ours: str, theirs: str, config: EncoderConfig) -> list[Entry]:
    """Returns the entries of a block as BERT, RoBERTa and ELECTRA name its parts."""
    width, mlp = config.emb_dim, config.mlp_dim
    projections = {
        "query": f"{theirs}.attention.self.query",
        "key": f"{theirs}.attention.self.key",
        "value": f"{theirs}.attention.self.value",
        "out": f"{theirs}.attention.output.dense",
    }
    feed_forward = f"{ours}/feed_forward"
    return [
        *attention(f"{ours}/attention", projections, config),
        *norm(f"{ours}/attention_norm", f"{theirs}.attention.output.LayerNorm", width),
        *linear(f"{feed_forward}/expand", f"{theirs}.intermediate.dense", width, mlp),
        *linear(f"{feed_forward}/contract", f"{theirs}.output.dense", mlp, width),
        *norm(f"{ours}/feed_forward_norm", f"{theirs}.output.LayerNorm", width),
    ]


def hf_config(
    config: EncoderConfig,
    vocab_size: int,
    position_rows: int,
    token_ids: Mapping[str, int],
    **family: Any,
) -> HfConfig:
    """Returns the values of a config.json.

    Args:
      config: sizes.
      vocab_size: tokens.
      position_rows: of the exported table.
      token_ids: by the names of config.json.
      **family: architectures, model_type and what else only this family has.
    """
    return {
        **family,
        "vocab_size": vocab_size,
        **to_hf(config, FIELDS),
        "max_position_embeddings": position_rows,
        "position_embedding_type": "absolute",
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        **token_ids,
    }

"""transformer_lm as the remote code in hf_custom_model/transformer_lm has it."""

import dataclasses
from collections.abc import Mapping

from transformer_lm.convert.conversion import Conversion, HfConfig
from transformer_lm.convert.encoder import linear, norm, vocabulary
from transformer_lm.convert.hf_fields import from_hf, to_hf
from transformer_lm.convert.layouts import Matrix, Vocabulary
from transformer_lm.convert.param_map import Entry, ParamMap, expand
from transformer_lm.models.layers import padded_vocab_size
from transformer_lm.models.transformer_lm import TransformerLMConfig

FIELDS = {
    field.name: field.name
    for field in dataclasses.fields(TransformerLMConfig)
    if field.name != "attention"
}
"""The remote code calls everything as the training does, and computes by itself."""

AUTO_MAP = {
    "AutoConfig": "configuration_transformer_lm.TransformerLMConfig",
    "AutoModel": "modeling_transformer_lm.TransformerLMModel",
    "AutoModelForCausalLM": "modeling_transformer_lm.TransformerLMForCausalLM",
    "FlaxAutoModelForCausalLM": (
        "modeling_flax_transformer_lm.FlaxTransformerLMForCausalLM"
    ),
}
"""Where the Auto classes find the remote code."""


def param_maps(
    config: TransformerLMConfig, vocab_size: int, token_ids: Mapping[str, int]
) -> dict[str, ParamMap]:
    """Returns the table."""
    del token_ids
    width, mlp = config.emb_dim, config.mlp_dim
    heads = (config.num_heads, config.qkv_dim // config.num_heads)
    ours, theirs = "stack/layer_{layer}", "model.layers.{layer}"
    entries = [
        Entry(
            ("token_embedding/embedding",),
            "model.token_embedding.weight",
            vocabulary(vocab_size),
        ),
        *norm(f"{ours}/attention_norm", f"{theirs}.attention_norm", width),
        *norm(f"{ours}/feed_forward_norm", f"{theirs}.feed_forward_norm", width),
        *norm("final_norm", "model.final_norm", width),
    ]
    if config.position_encoding == "learned":
        table = ("position_embedding/embedding",)
        entries.append(Entry(table, "model.position_embedding.weight"))
    for name in ("query", "key", "value", "out"):
        inputs, outputs = (heads, (width,)) if name == "out" else ((width,), heads)
        entries.append(
            Entry(
                (f"{ours}/attention/{name}/kernel",),
                f"{theirs}.attention.{name}.weight",
                Matrix(inputs, outputs),
            )
        )
    for name, inputs, outputs in (("expand", width, mlp), ("contract", mlp, width)):
        place = f"feed_forward/{name}"
        entries += linear(
            f"{ours}/{place}", f"{theirs}.feed_forward.{name}", inputs, outputs
        )
    if not config.logits_via_embedding:
        padded = padded_vocab_size(vocab_size)
        columns = Vocabulary(vocab_size, padded, transposed=True)
        entries += [
            Entry(("head/kernel",), "head.weight", columns),
            Entry(("head/bias",), "head.bias", vocabulary(vocab_size)),
        ]
    return {"": ParamMap(expand(entries, layer=config.num_layers))}


def hf_configs(
    config: TransformerLMConfig,
    vocab_size: int,
    max_length: int,
    token_ids: Mapping[str, int],
) -> dict[str, HfConfig]:
    """Returns the values of config.json."""
    values = {
        "architectures": ["TransformerLMForCausalLM"],
        "auto_map": AUTO_MAP,
        "model_type": "transformer_lm",
        "vocab_size": vocab_size,
        **to_hf(config, FIELDS),
        "max_position_embeddings": config.position_limit(max_length),
        # Both are of the training; exported layers stand one by one.
        "scan_layers": False,
        "remat": "none",
        "torch_dtype": "float32",
        **token_ids,
    }
    return {"": values}


def from_hf_configs(given: Mapping[str, HfConfig]) -> TransformerLMConfig:
    """Returns our config for the values of config.json."""
    found = from_hf(given[""], FIELDS, defaults={}, only={})
    return TransformerLMConfig(**found)


CONVERSION = Conversion(
    param_maps, hf_configs, from_hf_configs, remote_code="transformer_lm"
)

"""ALBERT as `AlbertForPreTraining` of transformers has it."""

from collections.abc import Mapping

from transformer_lm.convert import encoder
from transformer_lm.convert.conversion import Conversion, HfConfig
from transformer_lm.convert.hf_fields import from_hf, to_hf
from transformer_lm.convert.param_map import Entry, ParamMap, expand
from transformer_lm.models.albert import AlbertConfig

OWN_FIELDS = {
    "embedding_size": "embedding_size",
    "num_hidden_groups": "num_hidden_groups",
    "inner_group_num": "inner_group_num",
}
DEFAULTS = {
    **encoder.DEFAULTS,
    "hidden_act": "gelu_new",
    "embedding_size": 128,
    "num_hidden_groups": 1,
    "inner_group_num": 1,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


def block(ours: str, theirs: str, config: AlbertConfig) -> list[Entry]:
    """Returns the entries of a block as ALBERT names its parts."""
    width, mlp = config.emb_dim, config.mlp_dim
    projections = {
        "query": f"{theirs}.attention.query",
        "key": f"{theirs}.attention.key",
        "value": f"{theirs}.attention.value",
        "out": f"{theirs}.attention.dense",
    }
    return [
        *encoder.attention(f"{ours}/attention", projections, config),
        *encoder.norm(f"{ours}/attention_norm", f"{theirs}.attention.LayerNorm", width),
        *encoder.linear(f"{ours}/feed_forward/expand", f"{theirs}.ffn", width, mlp),
        *encoder.linear(
            f"{ours}/feed_forward/contract", f"{theirs}.ffn_output", mlp, width
        ),
        *encoder.norm(
            f"{ours}/feed_forward_norm", f"{theirs}.full_layer_layer_norm", width
        ),
    ]


def param_maps(
    config: AlbertConfig, vocab_size: int, token_ids: Mapping[str, int]
) -> dict[str, ParamMap]:
    """Returns the table; a shared block stands in it once."""
    del token_ids
    width, narrow, body = config.emb_dim, config.embedding_size, "albert.encoder"
    groups = f"{body}.albert_layer_groups"
    entries = [
        *encoder.embeddings("embeddings", "albert.embeddings", narrow, vocab_size),
        *encoder.linear(
            "embedding_projection", f"{body}.embedding_hidden_mapping_in", narrow, width
        ),
        *block(
            "stack/group_{group}/block_{block}",
            f"{groups}.{{group}}.albert_layers.{{block}}",
            config,
        ),
        *encoder.linear("pooler/dense", "albert.pooler", width, width),
        *encoder.linear("token_head/dense", "predictions.dense", width, narrow),
        *encoder.norm("token_head/norm", "predictions.LayerNorm", narrow),
        Entry(("token_head/bias",), "predictions.bias", encoder.vocabulary(vocab_size)),
        *encoder.linear("pair_head", "sop_classifier.classifier", width, 2),
    ]
    param_map = ParamMap(
        expand(entries, group=config.num_hidden_groups, block=config.inner_group_num),
        tied={
            "predictions.decoder.weight": "albert.embeddings.word_embeddings.weight",
            "predictions.decoder.bias": "predictions.bias",
        },
        ignored=encoder.IGNORED,
    )
    return {"": param_map}


def hf_configs(
    config: AlbertConfig, vocab_size: int, max_length: int, token_ids: Mapping[str, int]
) -> dict[str, HfConfig]:
    """Returns the values of config.json."""
    rows = config.position_rows(max_length)
    values = encoder.hf_config(
        config,
        vocab_size,
        rows,
        token_ids,
        architectures=["AlbertForPreTraining"],
        model_type="albert",
        **to_hf(config, OWN_FIELDS),
    )
    return {"": values}


def from_hf_configs(given: Mapping[str, HfConfig]) -> AlbertConfig:
    """Returns our config for the values of config.json."""
    fields = {**encoder.FIELDS, **OWN_FIELDS}
    found = from_hf(given[""], fields, defaults=DEFAULTS, only=encoder.ONLY)
    return AlbertConfig(**found)


CONVERSION = Conversion(param_maps, hf_configs, from_hf_configs)

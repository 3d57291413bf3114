"""BERT as `BertForPreTraining` of transformers has it."""

from collections.abc import Mapping

from transformer_lm.convert import encoder
from transformer_lm.convert.conversion import Conversion, HfConfig
from transformer_lm.convert.hf_fields import from_hf
from transformer_lm.convert.param_map import Entry, ParamMap, expand
from transformer_lm.models.bert import BertConfig


def param_maps(
    config: BertConfig, vocab_size: int, token_ids: Mapping[str, int]
) -> dict[str, ParamMap]:
    """Returns the table."""
    del token_ids
    width, head = config.emb_dim, "cls.predictions"
    entries = [
        *encoder.embeddings("embeddings", "bert.embeddings", width, vocab_size),
        *encoder.block("stack/layer_{layer}", "bert.encoder.layer.{layer}", config),
        *encoder.linear("pooler/dense", "bert.pooler.dense", width, width),
        *encoder.linear("token_head/dense", f"{head}.transform.dense", width, width),
        *encoder.norm("token_head/norm", f"{head}.transform.LayerNorm", width),
        Entry(("token_head/bias",), f"{head}.bias", encoder.vocabulary(vocab_size)),
        *encoder.linear("pair_head", "cls.seq_relationship", width, 2),
    ]
    param_map = ParamMap(
        expand(entries, layer=config.num_layers),
        tied={
            f"{head}.decoder.weight": "bert.embeddings.word_embeddings.weight",
            f"{head}.decoder.bias": f"{head}.bias",
        },
        ignored=encoder.IGNORED,
    )
    return {"": param_map}


def hf_configs(
    config: BertConfig, vocab_size: int, max_length: int, token_ids: Mapping[str, int]
) -> dict[str, HfConfig]:
    """Returns the values of config.json."""
    rows = config.position_rows(max_length)
    values = encoder.hf_config(
        config,
        vocab_size,
        rows,
        token_ids,
        architectures=["BertForPreTraining"],
        model_type="bert",
    )
    return {"": values}


def from_hf_configs(given: Mapping[str, HfConfig]) -> BertConfig:
    """Returns our config for the values of config.json."""
    found = from_hf(
        given[""], encoder.FIELDS, defaults=encoder.DEFAULTS, only=encoder.ONLY
    )
    return BertConfig(**found)


CONVERSION = Conversion(param_maps, hf_configs, from_hf_configs)

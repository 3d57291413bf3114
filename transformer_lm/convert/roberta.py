"""RoBERTa as `RobertaForMaskedLM` of transformers has it."""

from collections.abc import Mapping

from transformer_lm.convert import encoder
from transformer_lm.convert.conversion import Conversion, HfConfig
from transformer_lm.convert.hf_fields import HfConfigError, from_hf
from transformer_lm.convert.layouts import Shifted
from transformer_lm.convert.param_map import Entry, ParamMap, expand
from transformer_lm.models.roberta import RobertaConfig


def rows_before(config: RobertaConfig, token_ids: Mapping[str, int]) -> int:
    """Rows that their position table has more than ours, in front.

    transformers gives a row's first token the position pad id + 1. A network trained
    with another offset is exported with its table moved there, so that it needs no
    explicit position ids. Without a pad id the table is taken as it is.
    """
    if "pad_token_id" not in token_ids:
        return 0
    return token_ids["pad_token_id"] + 1 - config.position_offset


def param_maps(
    config: RobertaConfig, vocab_size: int, token_ids: Mapping[str, int]
) -> dict[str, ParamMap]:
    """Returns the table."""
    width = config.emb_dim
    entries = [
        *encoder.embeddings(
            "embeddings",
            "roberta.embeddings",
            width,
            vocab_size,
            position=Shifted(rows_before(config, token_ids)),
        ),
        *encoder.block("stack/layer_{layer}", "roberta.encoder.layer.{layer}", config),
        *encoder.linear("token_head/dense", "lm_head.dense", width, width),
        *encoder.norm("token_head/norm", "lm_head.layer_norm", width),
        Entry(("token_head/bias",), "lm_head.bias", encoder.vocabulary(vocab_size)),
    ]
    param_map = ParamMap(
        expand(entries, layer=config.num_layers),
        tied={
            "lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
            "lm_head.decoder.bias": "lm_head.bias",
        },
        ignored=encoder.IGNORED,
    )
    return {"": param_map}


def hf_configs(
    config: RobertaConfig,
    vocab_size: int,
    max_length: int,
    token_ids: Mapping[str, int],
) -> dict[str, HfConfig]:
    """Returns the values of config.json."""
    if "pad_token_id" not in token_ids:
        raise HfConfigError(
            "roberta counts positions from pad_token_id + 1; the tokenizer has no pad"
        )
    rows = config.position_rows(max_length) + rows_before(config, token_ids)
    values = encoder.hf_config(
        config,
        vocab_size,
        rows,
        token_ids,
        architectures=["RobertaForMaskedLM"],
        model_type="roberta",
    )
    return {"": values}


def from_hf_configs(given: Mapping[str, HfConfig]) -> RobertaConfig:
    """Returns our config for the values of config.json.

    rinna's published RoBERTa was trained with positions from 0, which its config.json
    does not say: replace position_offset by 0 there.
    """
    values = {"pad_token_id": 1, **given[""]}
    found = from_hf(
        values, encoder.FIELDS, defaults=encoder.DEFAULTS, only=encoder.ONLY
    )
    return RobertaConfig(**found, position_offset=values["pad_token_id"] + 1)


CONVERSION = Conversion(param_maps, hf_configs, from_hf_configs)

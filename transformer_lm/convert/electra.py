"""ELECTRA as `ElectraForMaskedLM` and `ElectraForPreTraining` of transformers have it.

The generator and the discriminator are two models there, in two folders.
"""

import math
from collections.abc import Mapping

from transformer_lm.convert import encoder
from transformer_lm.convert.conversion import Conversion, HfConfig
from transformer_lm.convert.hf_fields import HfConfigError, from_hf
from transformer_lm.convert.param_map import Entry, ParamMap, expand
from transformer_lm.models.electra import ElectraConfig

FIELDS = {**encoder.FIELDS, "embedding_size": "embedding_size"}
DEFAULTS = {**encoder.DEFAULTS, "embedding_size": 128}


def _body(
    config: ElectraConfig, embeddings: str, ours: str, vocab_size: int
) -> list[Entry]:
    """Returns the entries of one network without its head."""
    width = config.embedding_width
    entries = encoder.embeddings(embeddings, "electra.embeddings", width, vocab_size)
    if width != config.emb_dim:
        projection = f"{ours}/embedding_projection"
        entries += encoder.linear(
            projection, "electra.embeddings_project", width, config.emb_dim
        )
    layer = f"{ours}/stack/layer_{{layer}}"
    return entries + encoder.block(layer, "electra.encoder.layer.{layer}", config)


def param_maps(
    config: ElectraConfig, vocab_size: int, token_ids: Mapping[str, int]
) -> dict[str, ParamMap]:
    """Returns both tables; shared embeddings stand in both."""
    del token_ids
    small, width = config.generator(), config.embedding_width
    whole = config.shared_embeddings == "whole"
    embeddings = "embeddings" if whole else "generator_embeddings"
    head = "generator_predictions"
    generator = [
        *_body(small, embeddings, "generator_encoder", vocab_size),
        *encoder.linear("token_head/dense", f"{head}.dense", small.emb_dim, width),
        *encoder.norm("token_head/norm", f"{head}.LayerNorm", width),
        Entry(
            ("token_head/bias",),
            "generator_lm_head.bias",
            encoder.vocabulary(vocab_size),
        ),
    ]
    head = "discriminator_predictions"
    full = config.emb_dim
    discriminator = [
        *_body(config, "embeddings", "discriminator_encoder", vocab_size),
        *encoder.linear("replaced_head/dense", f"{head}.dense", full, full),
        *encoder.linear("replaced_head/score", f"{head}.dense_prediction", full, 1),
    ]
    words = "electra.embeddings.word_embeddings.weight"
    return {
        "generator": ParamMap(
            expand(generator, layer=config.num_layers),
            tied={"generator_lm_head.weight": words},
            ignored=encoder.IGNORED,
        ),
        "discriminator": ParamMap(
            expand(discriminator, layer=config.num_layers), ignored=encoder.IGNORED
        ),
    }


def hf_configs(
    config: ElectraConfig,
    vocab_size: int,
    max_length: int,
    token_ids: Mapping[str, int],
) -> dict[str, HfConfig]:
    """Returns the values of both config.json."""
    folders = {
        "generator": (config.generator(), "ElectraForMaskedLM"),
        "discriminator": (config, "ElectraForPreTraining"),
    }
    return {
        folder: encoder.hf_config(
            sizes,
            vocab_size,
            sizes.position_rows(max_length),
            token_ids,
            architectures=[architecture],
            model_type="electra",
            embedding_size=sizes.embedding_width,
        )
        for folder, (sizes, architecture) in folders.items()
    }


def from_hf_configs(given: Mapping[str, HfConfig]) -> ElectraConfig:
    """Returns our config for the values of both config.json.

    Published pairs share their embeddings, so that "whole" is taken; replace
    shared_embeddings by "none" for a pair that does not.
    """
    both = {
        folder: from_hf(values, FIELDS, defaults=DEFAULTS, only=encoder.ONLY)
        for folder, values in given.items()
    }
    small, full = both["generator"], both["discriminator"]
    share = small["emb_dim"] / full["emb_dim"]
    # The network rounds down, so that the share must not be a hair too small.
    for generator_size in (share, math.nextafter(share, 2.0)):
        config = ElectraConfig(**full, generator_size=generator_size)
        made = config.generator()
        differing = [name for name in small if getattr(made, name) != small[name]]
        if not differing:
            return config
    found = ", ".join(f"{name}={small[name]}" for name in differing)
    needed = ", ".join(f"{name}={getattr(made, name)}" for name in differing)
    raise HfConfigError(
        f"the generator has {found}; a generator that is {share:.4g} as wide as its"
        f" discriminator and equal in the rest has {needed}"
    )


CONVERSION = Conversion(param_maps, hf_configs, from_hf_configs)

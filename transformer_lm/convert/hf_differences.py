"""Does our config describe the network of a config.json? All differences at once."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.conversion import HfConfig
from transformer_lm.models.electra import ElectraConfig

WITHOUT_EFFECT = (
    *("dropout_rate", "attention_dropout_rate", "embedding_dropout_rate"),
    *("initializer_range", "scan_layers", "remat", "shared_embeddings"),
    *("max_position_embeddings", "position_offset"),
)
"""Fields that change nothing about parameters that are already there, or that a folder
does not tell. Tables of positions are compared when they are read.
"""


def config_differences(
    family: str,
    config: Any,  # Any: the config class of a family.
    given: Mapping[str, HfConfig],
) -> list[str]:
    """Lists in which fields our config differs from a folder's, a line each.

    Args:
      family: name of the model family.
      config: of our network.
      given: the values of each config.json.

    Raises:
      HfConfigError: if our network cannot do what a config.json says.
    """
    found = _described(CONVERSIONS[family].from_hf_configs(given))
    return [
        f"{name}={value!r} in the config, {found[name]!r} in the folder"
        for name, value in _described(config).items()
        if value != found[name]
    ]


def _described(config: Any) -> dict[str, Any]:
    """The fields that make a network what it is, each in one way of saying it."""
    values = dataclasses.asdict(config)
    if isinstance(config, ElectraConfig):
        values["embedding_size"] = config.embedding_width
        del values["generator_size"]
        small = dataclasses.asdict(config.generator())
        for name in ("emb_dim", "num_heads", "mlp_dim"):
            values[f"the generator's {name}"] = small[name]
    return {name: value for name, value in values.items() if name not in WITHOUT_EFFECT}

"""Do two configs describe the same network? All differences at once."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from transformer_lm.models.electra import ElectraConfig

WITHOUT_EFFECT = (
    *("dropout_rate", "attention_dropout_rate", "embedding_dropout_rate"),
    *("initializer_range", "scan_layers", "remat", "max_position_embeddings"),
    "attention",
)
"""Fields that change nothing about what parameters mean that are already there."""


def config_differences(
    ours: Any,  # Any: the config class of a family.
    theirs: Any,
    *,
    unknown: Sequence[str] = (),
) -> list[str]:
    """Lists in which fields two configs describe different networks, a line each.

    Args:
      ours: of the run.
      theirs: of what it is to begin with.
      unknown: fields that theirs cannot tell.
    """
    if type(ours) is not type(theirs):
        return [
            f"the config has a {type(ours).__name__}, the folder a"
            f" {type(theirs).__name__}"
        ]
    found = _described(theirs)
    return [
        f"{name}={value!r} in the config, {found[name]!r} in the folder"
        for name, value in _described(ours).items()
        if name not in unknown and value != found[name]
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

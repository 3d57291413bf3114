"""What a family's file in `convert/` offers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from transformer_lm.convert.param_map import ParamMap

HfConfig = dict[str, Any]
"""Values of a config.json."""


@dataclass(frozen=True)
class Conversion:
    """The way between a family of ours and the classes of transformers.

    Everything comes by folder: "" is the export itself; ELECTRA fills two, "generator"
    and "discriminator".
    """

    param_maps: Callable[[Any, int, Mapping[str, int]], dict[str, ParamMap]]
    """From (config, vocabulary size, token ids) to the tables of each folder.

    Token ids by the names that config.json has for them, such as pad_token_id.
    """
    hf_configs: Callable[[Any, int, int, Mapping[str, int]], dict[str, HfConfig]]
    """From (config, vocabulary size, longest row, token ids) to each config.json."""
    from_hf_configs: Callable[[Mapping[str, HfConfig]], Any]
    """From each config.json to our config; refuses what our network cannot do."""
    remote_code: str | None = None
    """Folder in `hf_custom_model/`, for a family that transformers has no class for."""

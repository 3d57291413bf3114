"""Writes a model of ours as the folder that transformers loads."""

import dataclasses
import json
from collections.abc import Collection, Mapping
from typing import Any

import ml_dtypes
import numpy as np
from etils import epath
from flax import serialization
from safetensors import numpy as safetensors

from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.flax_tree import flax_tree
from transformer_lm.convert.hf_fields import HfConfigError
from transformer_lm.convert.param_map import to_ours, to_theirs
from transformer_lm.convert.paths import flatten, unflatten, unstack_layers
from transformer_lm.convert.safetensors_files import read_safetensors
from transformer_lm.convert.token_ids import token_ids
from transformer_lm.tokenizers.interface import Tokenizer

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
FLAX_FILE = "flax_model.msgpack"
DTYPES: Mapping[str, Any] = {
    "float32": np.float32,
    "bfloat16": ml_dtypes.bfloat16,
    "float16": np.float16,
}
"""Data types that weights can be written in."""


@dataclasses.dataclass(frozen=True)
class HfModel:
    """A trained network on its way out."""

    family: str
    """Name of the family in `MODELS`."""
    config: Any
    """Its config class, filled."""
    parameters: Any
    """Nested dict of float32 arrays, with or without scanned layers."""
    tokenizer: Tokenizer
    max_length: int
    """Longest row of the training, in tokens."""

    @property
    def is_decoder(self) -> bool:
        """Whether it continues texts."""
        return "causal_lm" in self.config.objectives

    @property
    def token_ids(self) -> dict[str, int]:
        """Special tokens by the names of config.json."""
        return token_ids(self.tokenizer, is_decoder=self.is_decoder)

    @property
    def position_limit(self) -> int:
        """Longest text in tokens; that of the training where the network has none."""
        return self.config.position_limit(self.max_length) or self.max_length

    def folders(self) -> list[str]:
        """Names of the folders that the export has: "" is the export itself."""
        conversion = CONVERSIONS[self.family]
        return list(
            conversion.param_maps(
                self.config, self.tokenizer.vocab_size, self.token_ids
            )
        )

    def rounded(self, dtype: str) -> "HfModel":
        """Returns the model as its weights are after a way through `dtype`."""
        flat = {
            path: array.astype(DTYPES[dtype]).astype(np.float32)
            for path, array in flatten(self.parameters).items()
        }
        return dataclasses.replace(self, parameters=unflatten(flat))


def write_weights(
    model: HfModel,
    folder: epath.Path,
    *,
    dtype: str = "float32",
    formats: Collection[str] = ("safetensors",),
) -> None:
    """Writes config.json and the weights, into each folder of the family.

    The padded vocabulary is cut off, and tied weights are written once. `safetensors`
    is in the layout of the torch classes; `flax` is flax_model.msgpack for the Flax
    classes of transformers 4.

    Raises:
      ParamMapError: if a parameter is left over or missing.
      HfConfigError: if config.json cannot say what the network does.
    """
    conversion = CONVERSIONS[model.family]
    size, ids = model.tokenizer.vocab_size, model.token_ids
    configs = conversion.hf_configs(model.config, size, model.max_length, ids)
    maps = conversion.param_maps(model.config, size, ids)
    for name, state in to_theirs(maps, model.parameters).items():
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        values = {**configs[name], "torch_dtype": dtype}
        (place / CONFIG_FILE).write_text(to_json(values))
        state = {key: array.astype(DTYPES[dtype]) for key, array in state.items()}
        if "safetensors" in formats:
            data = safetensors.save(state, metadata={"format": "pt"})
            (place / WEIGHTS_FILE).write_bytes(data)
        if "flax" in formats:
            # The remote code's network is our own, padded vocabulary and all.
            tree = flax_tree(state)
            if conversion.remote_code is not None:
                tree = unflatten(
                    unstack_layers(flatten(model.rounded(dtype).parameters))
                )
            (place / FLAX_FILE).write_bytes(serialization.msgpack_serialize(tree))


def read_weights(
    family: str, config: Any, tokenizer: Tokenizer, folder: epath.Path
) -> dict[str, Any]:
    """Returns our parameters, in float32, from a folder of `write_weights`.

    Raises:
      ParamMapError: if the files belong to another network.
      HfConfigError: if a file is missing, or not on this machine.
    """
    is_decoder = "causal_lm" in config.objectives
    ids = token_ids(tokenizer, is_decoder=is_decoder)
    maps = CONVERSIONS[family].param_maps(config, tokenizer.vocab_size, ids)
    states = {}
    for name in maps:
        file = folder / name / WEIGHTS_FILE
        if not file.exists():
            raise HfConfigError(f"{file} is missing; the export is not whole")
        if "://" in str(file):
            raise HfConfigError(f"{file} must be copied to this machine to be read")
        states[name] = {
            key: array.astype(np.float32)
            for key, array in read_safetensors(file).items()
        }
    return to_ours(maps, states, scan_layers=config.scan_layers)


def to_json(values: Mapping[str, Any]) -> str:
    """Returns JSON as transformers writes it."""
    return json.dumps(values, indent=2, ensure_ascii=False, sort_keys=True) + "\n"

"""Reads a folder that transformers has written: config.json and model.safetensors."""

import dataclasses
import logging
import re
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from etils import epath

from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.conversion import HfConfig
from transformer_lm.convert.layouts import Vocabulary
from transformer_lm.convert.param_map import ParamMap, to_ours
from transformer_lm.convert.paths import Arrays
from transformer_lm.convert.safetensors_files import read_safetensors
from transformer_lm.file_names import inside
from transformer_lm.json_files import construct, read_object
from transformer_lm.models.roberta import RobertaConfig
from transformer_lm.registry import UserError

LOGGER = logging.getLogger("transformer_lm")

FOLDERS = {"electra": ("generator", "discriminator")}
"""Folders of the families that fill several; the others fill the named one itself."""

HEADS = ("pooler/", "token_head/", "pair_head/", "replaced_head/")
"""Beginnings of our paths that a folder may lack: other tasks have other heads."""

UNTOLD = ("position_offset", "shared_embeddings")
"""Fields of our configs that a config.json does not tell; arrays show them."""

_WEIGHTS = "model.safetensors"
_INDEX = f"{_WEIGHTS}.index.json"
_CONFIG = "config.json"
_BODY = re.compile(r"(^|\.)(\w*embeddings?\w*|encoder|h|layers?|wte|wpe)\.")
"""Names in the part below the heads, where nothing may be left over."""


class HfFolderError(UserError):
    """A folder whose parameters cannot be taken over."""


def read_configs(folder: str, family: str) -> dict[str, HfConfig]:
    """Returns the values of each config.json of a model, by its folder.

    Raises:
      HfFolderError: if one is missing, damaged, or of another family.
    """
    root = epath.Path(folder).expanduser()
    names = FOLDERS.get(family, ("",))
    problems, configs = [], {}
    for name in names:
        file = root / name / _CONFIG
        try:
            configs[name] = read_object(file, "take it from its source again")
        except FileNotFoundError:
            problems.append(f"{file} does not exist")
        except UserError as error:
            problems.append(str(error))
        else:
            found = configs[name].get("model_type")
            if found != family:
                problems.append(f"{file} has model_type {found!r}, not {family!r}")
    if problems:
        needed = " and ".join(
            f"{root / name}/{{{_CONFIG},{_WEIGHTS}}}" for name in names
        )
        raise HfFolderError(
            f"{folder} holds no {family}:\n  - "
            + "\n  - ".join(problems)
            + f"\nNeeded: {needed}, as save_pretrained of transformers writes them."
        )
    return configs


def read_arrays(folder: epath.Path) -> Arrays:
    """Returns the arrays of model.safetensors, whole or in numbered parts.

    Raises:
      HfFolderError: if there are none, or they cannot be read.
    """
    names = [_WEIGHTS]
    try:
        if (folder / _INDEX).exists():
            index = read_object(folder / _INDEX, "take it from its source again")
            places = construct(
                dict[str, str],
                index.get("weight_map"),
                f"weight_map of {folder / _INDEX}",
                "take it from its source again",
            )
            names = sorted(set(places.values()))
        files = [inside(folder, name, folder / _INDEX) for name in names]
        with tempfile.TemporaryDirectory() as temporary:
            arrays: Arrays = {}
            for file in files:
                if "://" in str(file):  # safetensors maps files of this machine.
                    file = file.copy(epath.Path(temporary) / file.name)
                arrays |= read_safetensors(file)
    except FileNotFoundError as error:
        raise HfFolderError(
            f"{folder} holds no {_WEIGHTS} (or a part of it is missing: {error}); load"
            " it with transformers and save it with save_pretrained, which writes"
            " that file"
        ) from error
    except OSError as error:
        raise HfFolderError(f"{folder}/{_WEIGHTS} cannot be read: {error}") from error
    return arrays


def read_parameters(
    folder: str,
    family: str,
    config: Any,  # Any: the config class of a family.
    *,
    vocab_size: int,
) -> dict[str, Any]:
    """Returns our nested dict of float32 parameters.

    What only the folder has in its heads, and rows of tables behind the vocabulary, is
    left out; heads that it lacks are missing in what is returned. A warning names both.

    Args:
      folder: with a config.json and model.safetensors; two folders of them for ELECTRA.
      family: name of the model family.
      config: of our network, which has the sizes of the folder's.
      vocab_size: tokens of our network, at most as many as the folder's.

    Raises:
      HfFolderError: if a file is missing or cannot be read.
      ParamMapError: if the blocks and tables are not those of the family.
    """
    given = read_configs(folder, family)
    root = epath.Path(folder).expanduser()
    states = {name: read_arrays(root / name) for name in given}
    ids: dict[str, int] = {}
    if family == "roberta":
        ids = _moved_by(config, given[""], states[""])
    maps = CONVERSIONS[family].param_maps(config, vocab_size, ids)
    for name, param_map in maps.items():
        state = _named_whole(states[name], param_map)
        _trim(state, param_map, vocab_size)
        maps[name], states[name] = _without_other_heads(state, param_map)
    return to_ours(maps, states, scan_layers=config.scan_layers)


def _named_whole(state: Mapping[str, np.ndarray], param_map: ParamMap) -> Arrays:
    """Gives the names of a model without heads (`h.0…`) their beginning back."""
    beginning = param_map.entries[0].theirs.partition(".")[0] + "."
    if not any(name.startswith(beginning) for name in state):
        return {f"{beginning}{name}": _float32(a) for name, a in state.items()}
    return {name: _float32(array) for name, array in state.items()}


def _float32(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype.kind not in "iub" else array


def _moved_by(
    config: RobertaConfig, given: HfConfig, state: Mapping[str, np.ndarray]
) -> dict[str, int]:
    """The pad id by which a RoBERTa's table of positions was moved, if it was.

    A network whose positions begin earlier is exported with empty rows in front, where
    transformers never looks. rinna's folder has none: its table is as it was trained,
    from row 0 on, although transformers would begin elsewhere in it.

    Raises:
      HfFolderError: if the config's offset can be none of these.
    """
    pad = given.get("pad_token_id", 1)
    offset, theirs = config.position_offset, pad + 1
    before = theirs - offset
    tables = [array for name, array in state.items() if "position_embed" in name]
    if before > 0 and tables and not tables[0][:before].any():
        return {"pad_token_id": pad}
    if before and offset:
        raise HfFolderError(
            f"position_offset={offset} in the config, {theirs} in the folder"
            f" (pad_token_id + 1); set position_offset={theirs}"
        )
    if before:
        LOGGER.warning(
            "position_offset=0: the folder's table of positions is taken as it stands,"
            " although transformers would begin at its row %d",
            theirs,
        )
    return {}


def _trim(state: Arrays, param_map: ParamMap, vocab_size: int) -> None:
    """Cuts the rows off that a vocabulary padded by its maker has at the end."""
    padded = {
        entry.theirs
        for entry in param_map.entries
        if isinstance(entry.layout, Vocabulary)
    }
    padded |= {name for name, source in param_map.tied.items() if source in padded}
    for name in padded & state.keys():
        state[name] = state[name][:vocab_size]


def _without_other_heads(state: Arrays, param_map: ParamMap) -> tuple[ParamMap, Arrays]:
    """Reduces both sides to the heads that both have; blocks and tables stay."""
    missing = [
        entry
        for entry in param_map.entries
        if all(path.startswith(HEADS) for path in entry.ours)
        and entry.theirs not in state
        and not any(
            source == entry.theirs and name in state
            for name, source in param_map.tied.items()
        )
    ]
    known = {entry.theirs for entry in param_map.entries} | set(param_map.tied)
    surplus = {
        name
        for name in state.keys() - known
        if not _BODY.search(name)
        and not any(re.fullmatch(pattern, name) for pattern in param_map.ignored)
    }
    if missing:
        LOGGER.warning(
            "the folder lacks these parts of the heads, which begin afresh: %s",
            ", ".join(entry.theirs for entry in missing),
        )
    if surplus:
        LOGGER.warning(
            "the folder has heads that this network lacks; left out: %s",
            ", ".join(sorted(surplus)),
        )
    kept = tuple(entry for entry in param_map.entries if entry not in missing)
    return dataclasses.replace(param_map, entries=kept), {
        name: array for name, array in state.items() if name not in surplus
    }

"""Parameters of another run, or of a Hugging Face folder, to begin a run with."""

import dataclasses
import logging
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from flax import traverse_util

from transformer_lm.config import from_saved, resolve
from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.differences import config_differences
from transformer_lm.convert.hf_folder import (
    FOLDERS,
    UNTOLD,
    read_configs,
    read_parameters,
)
from transformer_lm.convert.vocabulary_files import (
    VocabularyFile,
    find_vocabulary,
    piece_differences,
)
from transformer_lm.registry import UserError
from transformer_lm.run_settings import Settings
from transformer_lm.train.saved_parameters import open_checkpoint
from transformer_lm.train.state import TrainState
from transformer_lm.train.workdir import read_settings

LOGGER = logging.getLogger("transformer_lm")

HF = "hf:"
"""What init_from begins with for a folder that transformers has written."""

Arrays = dict[str, jax.Array]
"""Parameters by path, such as `stack/layer_0/attention/out/kernel`."""


def warm_start(
    settings: Settings, workdir: str, vocab_size: int, state: TrainState
) -> TrainState:
    """Replaces fresh parameters by those that `init_from` names.

    A table of positions may be shorter there: its further rows stay fresh, as if they
    had been in the other run too and no row had been long enough to train them. So do
    heads that a Hugging Face folder lacks. A warning names both.

    Args:
      settings: of this run.
      workdir: of this run; where its vocabulary may lie.
      vocab_size: tokens of this run.
      state: fresh.

    Raises:
      UserError: if the network or the vocabulary there is another, with all differences.
    """
    source = settings.training.init_from
    assert source is not None
    fresh = _flat(state.parameters)
    if source.startswith(HF):
        folder = source.removeprefix(HF)
        loaded = _from_hf(folder, settings, workdir, vocab_size, fresh)
    else:
        loaded = _from_workdir(source, settings, workdir, fresh)
    filled = traverse_util.unflatten_dict(_fill(source, loaded, fresh), sep="/")
    average = state.average
    if average is not None:
        average = jax.tree.map(lambda leaf: leaf.copy(), filled)
    return dataclasses.replace(state, parameters=filled, average=average)


def _from_workdir(
    source: str, settings: Settings, workdir: str, fresh: Arrays
) -> Arrays:
    """The parameters of another run's newest checkpoint, or their average."""
    before = resolve(from_saved(read_settings(source)), source)
    problems = config_differences(settings.model, before.model)
    problems += _vocabulary_problems(
        _vocabulary(settings, workdir), _vocabulary(before, source), source
    )
    if problems:
        raise _mismatch(source, problems)
    average = before.training.ema_decay is not None
    store, step = open_checkpoint(source)
    saved = store.shapes(step, "average" if average else "parameters")
    abstract = {
        path: jax.ShapeDtypeStruct(
            saved.get(path, leaf.shape) if _is_position(path) else leaf.shape,
            leaf.dtype,
            sharding=leaf.sharding,
        )
        for path, leaf in fresh.items()
    }
    nested = traverse_util.unflatten_dict(abstract, sep="/")
    parameters = store.parameters(step, nested, average=average)
    store.close()
    LOGGER.info("parameters come from checkpoint %d of %s", step, source)
    return _flat(parameters)


def _from_hf(
    folder: str, settings: Settings, workdir: str, vocab_size: int, fresh: Arrays
) -> Arrays:
    """The parameters of a folder that transformers has written."""
    family = dict(settings.choices)["model"]
    given = read_configs(folder, family)
    there = CONVERSIONS[family].from_hf_configs(given)
    problems = config_differences(settings.model, there, unknown=UNTOLD)
    root = epath.Path(folder).expanduser()
    theirs = find_vocabulary([root, *(root / name for name in FOLDERS.get(family, ()))])
    rows = min(config.get("vocab_size", 0) for config in given.values())
    # A table may have more rows than its vocabulary: its maker rounded it up.
    if rows < vocab_size or (rows > vocab_size and theirs is None):
        problems.append(
            f"{vocab_size} tokens in this run's vocabulary, vocab_size={rows} in the"
            " folder"
        )
    problems += _vocabulary_problems(_vocabulary(settings, workdir), theirs, folder)
    if problems:
        raise _mismatch(f"{HF}{folder}", problems)
    arrays = read_parameters(folder, family, settings.model, vocab_size=vocab_size)
    LOGGER.info("parameters come from %s", folder)
    return {path: _place(array, fresh[path]) for path, array in _flat(arrays).items()}


def _vocabulary(settings: Settings, workdir: str) -> VocabularyFile | None:
    """The vocabulary of a run, if it is there."""
    path = epath.Path(settings.tokenizer.path(workdir)).expanduser()
    is_model = dict(settings.choices)["tokenizer"] == "sentencepiece"
    kind = "spiece.model" if is_model else "vocab.txt"
    return VocabularyFile(path, kind) if path.exists() else None


def _vocabulary_problems(
    ours: VocabularyFile | None, theirs: VocabularyFile | None, source: str
) -> list[str]:
    """How the vocabularies differ; a warning, if there is none to compare with."""
    if ours is None or theirs is None:
        LOGGER.warning(
            "%s holds no vocabulary that can be compared with this run's; only its size"
            " was looked at",
            source,
        )
        return []
    return piece_differences(ours, theirs)


def _mismatch(source: str, problems: list[str]) -> UserError:
    lines = "".join(f"\n  - {problem}" for problem in problems)
    return UserError(f"init_from={source} does not fit this run:{lines}")


def _flat(parameters: Any) -> dict[str, Any]:
    """Arrays of a nested dict by path."""
    flat: Any = traverse_util.flatten_dict(parameters, sep="/")
    return flat


def _is_position(path: str) -> bool:
    """Whether an array is a table of positions, by the names that all families use."""
    return path.endswith(("position/embedding", "position_embedding/embedding"))


def _place(array: np.ndarray, like: jax.Array) -> jax.Array:
    """Lays an array on the devices as another lies, in its data type."""
    return jax.make_array_from_callback(
        array.shape, like.sharding, lambda index: array[index].astype(like.dtype)
    )


def _fill(source: str, loaded: Arrays, fresh: Arrays) -> Arrays:
    """Fresh parameters, replaced by loaded ones as far as these go."""
    filled, problems, grown = dict(fresh), [], []
    for path, array in loaded.items():
        needed = fresh[path].shape if path in fresh else None
        if needed == array.shape:
            filled[path] = array
        elif needed is None or not _is_position(path) or needed[1:] != array.shape[1:]:
            problems.append(f"{path}: {array.shape} there, {needed} here")
        elif array.shape[0] < needed[0]:
            filled[path] = _grow(array, fresh[path])
            grown.append(f"{path} ({array.shape[0]} of {needed[0]} rows)")
        else:
            problems.append(
                f"{path} has {array.shape[0]} rows there, {needed[0]} here: set"
                f" max_position_embeddings={array.shape[0]}"
            )
    if problems:
        raise _mismatch(source, problems)
    if grown:
        LOGGER.warning(
            "%s was trained with shorter rows; further positions begin afresh: %s",
            source,
            ", ".join(grown),
        )
    return filled


def _grow(table: jax.Array, fresh: jax.Array) -> jax.Array:
    """Puts the rows of a shorter table over the first ones of a fresh table."""

    def over(table: jax.Array, fresh: jax.Array) -> jax.Array:
        return jnp.concatenate([table, fresh[table.shape[0] :]])

    return jax.jit(over, out_shardings=fresh.sharding)(table, fresh)

r"""Turns a work folder of transformer-lm-japanese into one of ours.

    python -m transformer_lm.tools.import_legacy --legacy=OLD --output=runs/new \
        --config=configs/japanese_default_v1.py

The new folder samples, is exported and goes on training like any other. The config says
what a checkpoint does not hold (data, lengths, optimizer); any key of it can be changed:
--config.num_layers=3.
"""

import argparse
import logging
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from etils import epath
from flax import linen as nn

from transformer_lm.checkpoint import CheckpointStore
from transformer_lm.config import ConfigError
from transformer_lm.config_files import settings_from
from transformer_lm.convert.legacy import (
    begin_with,
    legacy_parameters,
    legacy_sizes,
    legacy_vocab_size,
    read_legacy_checkpoint,
)
from transformer_lm.convert.paths import flatten, stack_layers, unflatten
from transformer_lm.data.row_builders import special_ids
from transformer_lm.environment import prepare_environment
from transformer_lm.registry import UserError
from transformer_lm.run_settings import Settings
from transformer_lm.shipped import program
from transformer_lm.tokenizers.sentencepiece import (
    SentencePieceConfig,
    SentencePieceTokenizer,
)
from transformer_lm.tools.command import (
    CONFIG_HELP,
    ConfigParser,
    ToolParser,
    start_tool,
)
from transformer_lm.train.state import TrainState, state_init
from transformer_lm.train.workdir import write_settings

LOGGER = logging.getLogger("transformer_lm")
VOCABULARY = "sentencepiece_model"


def import_legacy(
    legacy: str, output: str, settings: Settings, step: int | None = None
) -> int:
    """Writes a work folder with the parameters, step and tokenizer of a legacy one.

    AdamW's moments come along where the config trains with adamw; otherwise, and with a
    moving average, the run goes on with fresh ones.

    Args:
      legacy: folder with checkpoint_N and sentencepiece_model.
      output: work folder to make.
      settings: what the checkpoint does not hold; must agree with what it holds.
      step: N of the checkpoint; None: the newest.

    Returns:
      The step of the imported checkpoint.

    Raises:
      UserError: if a file is missing, or the settings are those of another network.
    """
    goal = Path(output)
    if goal.exists():
        raise UserError(f"--output={output} exists; give another, or remove it")
    vocabulary = epath.Path(legacy) / VOCABULARY
    if not vocabulary.exists():
        raise UserError(f"{legacy} holds no {VOCABULARY}; copy the vocabulary there")
    tokenizer = SentencePieceTokenizer(vocabulary.read_bytes(), str(vocabulary))
    tree = read_legacy_checkpoint(_checkpoint(epath.Path(legacy), step))
    if problems := _problems(settings, tree["params"], tokenizer):
        raise ConfigError(problems, f"the config, for {legacy}")
    state = _state(settings, tree, tokenizer)
    folder = goal.with_name(f".{goal.name}.unfinished-{os.getpid()}")
    try:
        folder.mkdir(parents=True)
        (folder / VOCABULARY).write_bytes(tokenizer.model_proto)
        write_settings(epath.Path(folder), settings)
        store = CheckpointStore(str(folder))
        store.save(int(state.step), state, None, settings.flat(), {})
        store.close()
        folder.replace(goal)
    except OSError as error:
        raise UserError(
            f"{goal} could not be written: {error}. Free space or give another"
            " --output; nothing was left there."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return int(state.step)


def _checkpoint(folder: epath.Path, step: int | None) -> epath.Path:
    """The file checkpoint_N."""
    found = {
        int(match[1]): path
        for path in (folder.iterdir() if folder.exists() else ())
        if (match := re.fullmatch(r"checkpoint_(\d+)", path.name)) and path.is_file()
    }
    if not found or (step is not None and step not in found):
        wanted = "a msgpack file checkpoint_N" if step is None else f"checkpoint_{step}"
        raise UserError(f"{folder} does not hold {wanted}; it has {sorted(found)}")
    return found[max(found) if step is None else step]


def _problems(
    settings: Settings, params: Any, tokenizer: SentencePieceTokenizer
) -> list[str]:
    """Where the settings, the checkpoint and the vocabulary do not agree."""
    if dict(settings.choices)["model"] != "transformer_lm":
        return ["the model must be transformer_lm"]
    problems = [
        f"the checkpoint has {name}={value}, the config"
        f" {getattr(settings.model, name)}; add --config.{name}={value}"
        for name, value in legacy_sizes(params).items()
        if getattr(settings.model, name) != value
    ]
    if settings.model.position_encoding != "sinusoidal":
        problems.append("the checkpoint has no position table; it is sinusoidal")
    if not isinstance(settings.tokenizer, SentencePieceConfig):
        problems.append("the tokenizer must be sentencepiece")
    elif settings.tokenizer.vocab_path is not None:
        problems.append(
            f"vocab_path={settings.tokenizer.vocab_path!r} must be unset; the vocabulary"
            " is copied into the work folder"
        )
    rows = legacy_vocab_size(params)
    if rows != tokenizer.vocab_size:
        problems.append(
            f"the checkpoint has {rows} tokens and {VOCABULARY} {tokenizer.vocab_size}:"
            " they do not belong together"
        )
    return problems


def _state(
    settings: Settings, tree: dict[str, Any], tokenizer: SentencePieceTokenizer
) -> TrainState:
    """A fresh state with what the checkpoint holds put in."""
    size = tokenizer.vocab_size
    start_id, _ = special_ids(tokenizer)

    def converted(params: Any) -> Any:
        ours = begin_with(legacy_parameters(params, size), start_id)
        flat = flatten(ours)
        return unflatten(stack_layers(flat)) if settings.model.scan_layers else ours

    model = settings.build_model(size)
    schedule = settings.schedule.build(settings.training.num_train_steps)
    init = state_init(settings, model, settings.optimizer.build(schedule))
    fresh = nn.unbox(jax.jit(init)(jax.random.key(settings.training.seed)))
    parameters = _like(fresh.parameters, converted(tree["params"]))
    optimizer = fresh.optimizer
    if dict(settings.choices)["optimizer"] == "adamw":
        optimizer = _with_moments(optimizer, tree["opt_state"]["0"], converted)
    else:
        LOGGER.warning(
            "the legacy optimizer is adamw and the config's %s: it starts anew",
            dict(settings.choices)["optimizer"],
        )
    average = fresh.average
    return fresh.replace(
        step=jnp.asarray(tree["step"], jnp.int32),
        parameters=parameters,
        optimizer=optimizer,
        average=None if average is None else _like(average, parameters),
    )


def _with_moments(optimizer: Any, adam: Any, converted: Any) -> Any:
    """Puts legacy moments and counts into a state of optax."""
    count = jnp.asarray(adam["count"], jnp.int32)

    def fill(part: Any) -> Any:
        if isinstance(part, optax.ScaleByAdamState):
            moments = {name: converted(adam[name]) for name in ("mu", "nu")}
            return part._replace(
                count=count,
                mu=_like(part.mu, moments["mu"]),
                nu=_like(part.nu, moments["nu"]),
            )
        if isinstance(part, optax.ScaleByScheduleState):
            return part._replace(count=count)
        return part

    kinds = (optax.ScaleByAdamState, optax.ScaleByScheduleState)
    return jax.tree.map(fill, optimizer, is_leaf=lambda part: isinstance(part, kinds))


def _like(fresh: Any, values: Any) -> Any:
    """Values with the types and the containers of a fresh tree.

    Raises:
      UserError: if they are other arrays.
    """
    needed, found = flatten(fresh), flatten(values)
    shapes = {path: np.shape(array) for path, array in needed.items()}
    if shapes != {path: np.shape(array) for path, array in found.items()}:
        raise UserError("the legacy parameters do not fit the config's network")
    return jax.tree.map(lambda a, b: jnp.array(b, a.dtype), fresh, values)


def main(arguments: argparse.Namespace) -> None:
    """Imports, and says how to go on."""
    prepare_environment()
    settings = settings_from(arguments.config, arguments.overrides)
    step = import_legacy(arguments.legacy, arguments.output, settings, arguments.step)
    print(f"imported step {step} into {arguments.output}; try:")
    print(f"  {program('generate_text.py')} --workdir={arguments.output}")
    again = shlex.join([f"--config={arguments.config}", *arguments.overrides])
    print(f"  {program('main.py')} --workdir={arguments.output} {again}")


def parser() -> ToolParser:
    """Returns the command's arguments."""
    made = ConfigParser(
        module="transformer_lm.tools.import_legacy", description=__doc__
    )
    made.add_argument("--config", required=True, help=CONFIG_HELP)
    made.add_argument("--legacy", required=True, help="work folder to import")
    made.add_argument("--output", required=True, help="work folder to make")
    made.add_argument("--step", type=int, help="N of checkpoint_N (default: newest)")
    return made


if __name__ == "__main__":
    start_tool(main, parser())

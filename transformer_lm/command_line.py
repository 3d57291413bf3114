"""The command line of main.py and generate_text.py: flags, configs, plain errors."""

import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import jax
from absl import app, flags
from absl import logging as absl_logging
from ml_collections import config_dict, config_flags

from transformer_lm.config import CHOICES, ConfigError, Settings, resolve
from transformer_lm.environment import prepare_environment
from transformer_lm.exit_codes import INTERRUPTED, PEER_LOST, PREEMPTED, USER_ERROR
from transformer_lm.redaction import without_tokens
from transformer_lm.registry import UserError, describe_unknown
from transformer_lm.train.preemption import Preempted

PEER_WORDS = ("Gloo", "Connection closed by peer", "coordination", "DEADLINE_EXCEEDED")
"""What JAX's messages say when it waits for a process that does not answer."""

OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "Out of memory")
"""What XLA's messages say, by backend, when an array or a program does not fit."""


def start(main: Callable[[Sequence[str]], None]) -> NoReturn:
    """Runs `main` with the `--config.key=value` arguments; never returns.

    A `UserError` is shown without a traceback and ends the process with code 2; a run
    that was asked to end (SIGTERM) ends it with code 143.
    """

    def guarded(overrides: Sequence[str]) -> None:
        try:
            main(overrides)
        except UserError as error:
            stop(str(error), PREEMPTED if isinstance(error, Preempted) else USER_ERROR)
        except KeyboardInterrupt:
            stop("interrupted before training began", INTERRUPTED)
        except OSError as error:
            if error.errno is None:
                raise
            stop(
                f"the system refuses: {error}\nMend that, then give the same command"
                " again; a run goes on from its newest checkpoint."
            )
        except jax.errors.JaxRuntimeError as error:
            if _is_peer_lost(error):
                stop(
                    "another process of this run ended or cannot be reached:"
                    f" {str(error).splitlines()[0]}\nIts own message says why. Start all"
                    " processes again; they go on from the newest checkpoint.",
                    PEER_LOST,
                )
            if not any(words in str(error) for words in OUT_OF_MEMORY):
                raise
            stop(
                f"the devices have too little memory: {str(error).splitlines()[0]}\n"
                "Take a smaller batch_size or per_device_batch_size, more"
                " grad_accumulation_steps (or, in evaluation, a smaller"
                " eval_per_device_batch_size), shorter rows, remat=full, or more devices"
                " with fsdp_parallel."
            )

    prepare_environment()
    threading.excepthook = _keep_in_log
    app.run(guarded, argv=_joined(sys.argv), flags_parser=_parse)
    raise SystemExit(0)


def _is_peer_lost(error: Exception) -> bool:
    return jax.process_count() > 1 and any(word in str(error) for word in PEER_WORDS)


def _keep_in_log(failure: threading.ExceptHookArgs) -> None:
    """Sends the traceback of a thread to train.log alone.

    Threads here write checkpoints; what goes wrong there reaches the main thread, which
    says it in words.
    """
    logging.getLogger("transformer_lm.threads.file_only").error(
        "a thread failed: %s", failure.exc_value, exc_info=failure.exc_value
    )


def stop(message: str, code: int = USER_ERROR) -> NoReturn:
    """Prints one message, without tokens, and ends the process at once.

    Without Python's own ending, because threads of a checkpoint that could not be
    written would add their tracebacks to the message.
    """
    print(f"{Path(sys.argv[0]).name}: {without_tokens(message)}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def load_config(file: str) -> config_dict.ConfigDict:
    """Runs `get_config` of a config file; `file.py:argument` hands it an argument.

    Config files are Python and are executed: run only those you trust.

    Raises:
      UserError: if the file is missing or fails.
    """
    path = Path(file.partition(":")[0])
    if not path.is_file():
        near = sorted(str(other) for other in path.parent.glob("*.py"))
        raise UserError(
            f"--config={file}: there is no file {path}."
            + (f" Beside it are: {', '.join(near)}." if near else "")
        )
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", flag_values=values, sys_argv=[])
    try:
        values([sys.argv[0], f"--config={file}"])
    except UserError:
        raise
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise UserError(
            f"--config={file} failed at {where.filename}:{where.lineno}:"
            f" {type(error).__name__}: {error}"
        ) from error
    return values.config


def settings_from(file: str, overrides: Sequence[str]) -> Settings:
    """Resolves a config file with `--config.key=value` arguments.

    Raises:
      ConfigError: with all problems of the arguments and of the settings together.
    """
    config = load_config(file)
    problems = override(config, overrides)
    try:
        settings = resolve(config, file)
    except ConfigError as error:
        raise ConfigError(problems + error.problems, file) from None
    if problems:
        raise ConfigError(problems, file)
    return settings


def override(config: config_dict.ConfigDict, overrides: Sequence[str]) -> list[str]:
    """Sets the keys of `--config.key=value` arguments; returns what is wrong."""
    problems = []
    # As they are now: a key that is set to None has no type.
    kinds = {key: config.get_type(key) for key in config}
    for argument in overrides:
        key, has_value, text = (
            argument.lstrip("-").removeprefix("config.").partition("=")
        )
        if key not in config and key.removeprefix("no") in config and not has_value:
            key, text, has_value = key.removeprefix("no"), "false", "="
        if key in CHOICES and key in config:
            problems.append(
                f"{key}={text} cannot be chosen on the command line, because the other"
                f" keys were made for {key}={config[key]!r}; take another config file"
                " (configs/tiny.py:NAME has one for each model)"
            )
        elif key not in config:
            problems.append(describe_unknown("key", key, list(config)))
        else:
            problems += _set(config, key, kinds[key], text if has_value else "true")
    return problems


def _set(config: config_dict.ConfigDict, key: str, kind: type, text: str) -> list[str]:
    """Sets one key from text, as the key's type reads it."""
    if text == "None":
        with config.ignore_type():
            config[key] = None
        return []
    parsers: dict[type, flags.ArgumentParser[Any]] = {
        bool: flags.BooleanParser(),
        int: flags.IntegerParser(),
        float: flags.FloatParser(),
        str: flags.ArgumentParser(),
    }
    try:
        value = parsers[kind].parse(text)
    except ValueError as error:
        return [f"{key}={text!r} must be of type {kind.__name__}: {error}"]
    with config.ignore_type():
        config[key] = value
    return []


def _joined(argv: Sequence[str]) -> list[str]:
    """Joins `--config.key value` to `--config.key=value`."""
    joined: list[str] = []
    for argument in argv:
        if (
            joined
            and joined[-1].lstrip("-").startswith("config.")
            and "=" not in joined[-1]
            and not argument.startswith("-")
        ):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _parse(argv: Sequence[str]) -> list[str]:
    """Parses absl flags; returns the config overrides, left for `settings_from`."""
    is_override = [
        argument.startswith("-") and argument.lstrip("-").startswith("config.")
        for argument in argv
    ]
    plain = [a for a, taken in zip(argv, is_override, strict=True) if not taken]
    try:
        rest = flags.FLAGS(plain)
    except flags.Error as error:
        stop(f"{error}. --help lists the flags.")
    if flags.FLAGS["verbosity"].using_default_value:
        # Orbax tells dozens of lines a checkpoint, and of a failed one a dozen
        # tracebacks; our own log has its own handlers.
        absl_logging.set_verbosity(absl_logging.FATAL)
    if len(rest) > 1:
        stop(f"{rest[1]!r} is no flag; arguments look like --name=value")
    return [a for a, taken in zip(argv, is_override, strict=True) if taken]

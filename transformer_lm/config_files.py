"""Config files and `--config.key=value` arguments: from names to checked settings."""

import importlib.util
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from ml_collections import config_dict

from transformer_lm.config import ConfigError, resolve
from transformer_lm.registry import UserError, describe_unknown
from transformer_lm.run_settings import CHOICES, Settings
from transformer_lm.shipped import shipped_folder
from transformer_lm.text_values import parse_value

TRUE = "true"
"""What a key without a value is set to."""


def find_config(name: str) -> Path:
    """Finds a config file: a path that exists, else the name of a shipped config.

    `quickstart`, `quickstart.py` and `configs/quickstart.py` name the same one.

    Raises:
      UserError: if there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = {file.stem: file for file in shipped_folder("configs").glob("*.py")}
    own_name = name.removeprefix("configs/").removesuffix(".py")
    if own_name in shipped:
        return shipped[own_name]
    raise UserError(
        f"--config={name}: there is no file {path}, and"
        f" {describe_unknown('shipped config', own_name, list(shipped))}"
    )


def config_module(file: str) -> ModuleType:
    """Executes a config file; `file.py:argument` names the file alone here.

    Config files are Python and are executed: run only those you trust.

    Raises:
      UserError: if the file is missing or fails.
    """
    path = find_config(file.partition(":")[0])
    spec = importlib.util.spec_from_file_location("config", path)
    if spec is None or spec.loader is None:
        raise UserError(f"--config={file}: {path} is no Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _failed(file, error) from error
    return module


def load_config(file: str) -> config_dict.ConfigDict:
    """Runs `get_config` of a config file; `file.py:argument` hands it an argument.

    A config that begins with another one calls this, too: a shipped name is found from
    any working folder.

    Raises:
      UserError: if the file is missing or fails.
    """
    module = config_module(file)
    _, has_argument, argument = file.partition(":")
    try:
        return module.get_config(*([argument] if has_argument else []))
    except UserError:
        raise
    except Exception as error:
        raise _failed(file, error) from error


def _failed(file: str, error: Exception) -> UserError:
    """Says in which line a config file fails."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return UserError(
        f"--config={file} failed at {where.filename}:{where.lineno}:"
        f" {type(error).__name__}: {error}"
    )


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
            problems += _set(config, key, kinds[key], text if has_value else TRUE)
    return problems


def _set(config: config_dict.ConfigDict, key: str, kind: type, text: str) -> list[str]:
    """Sets one key from text, as the key's type reads it."""
    try:
        value = None if text == "None" else parse_value(kind, text)
    except ValueError as error:
        return [f"{key}={text!r} must be of type {kind.__name__}: {error}"]
    with config.ignore_type():
        config[key] = value
    return []

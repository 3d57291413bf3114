"""Flat ConfigDict for people ⇄ frozen, checked Settings for the program.

Each part's dataclass is the one home of its keys and defaults. `defaults` lays the
fields of the chosen parts side by side in one flat ConfigDict; `resolve` is the only
reader of such a dict and gives the typed `Settings` back, or all problems at once.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

from ml_collections import config_dict

from transformer_lm.registry import (
    UnknownNameError,
    UserError,
    describe_unknown,
)
from transformer_lm.run_settings import CHOICES, FIXED, Settings

_SHOWN_PROBLEMS = 30
"""More are counted: a file that is no config at all has thousands."""


class ConfigError(UserError):
    """Everything that is wrong with a config, in one message."""

    def __init__(self, problems: list[str], source: str = "the config") -> None:
        self.problems = problems
        lines = "".join(f"\n  - {problem}" for problem in problems[:_SHOWN_PROBLEMS])
        if len(problems) > _SHOWN_PROBLEMS:
            lines += f"\n  - … and {len(problems) - _SHOWN_PROBLEMS} more"
        super().__init__(f"{len(problems)} problem(s) in {source}:{lines}")


def defaults(**choices: str) -> config_dict.ConfigDict:
    """Returns a locked flat ConfigDict with the keys and defaults of the chosen parts.

    Args:
      **choices: a name for each of model, objective, tokenizer, optimizer, schedule.

    Raises:
      UnknownNameError: if a name is in no registry.
    """
    if set(choices) != set(CHOICES):
        raise UserError(f"defaults() needs exactly {list(CHOICES)}; got {choices}")
    config = config_dict.ConfigDict(choices)
    for cls in _classes(choices).values():
        for field in dataclasses.fields(cls):
            kind, optional = _field_type(cls, field.name)
            if optional and field.default is None:
                config[field.name] = config_dict.placeholder(kind)
            else:
                config[field.name] = field.default
    return config.lock()


def resolve(
    config: Mapping[str, Any] | config_dict.ConfigDict, origin: str = "the config"
) -> Settings:
    """Returns the typed settings of a flat config.

    Raises:
      ConfigError: with all problems of all parts, found before any work is done.
    """
    choices = {part: str(config[part]) for part in CHOICES}
    try:
        classes = _classes(choices)
    except UnknownNameError as error:
        raise ConfigError([str(error)], origin) from None
    known = {f.name for cls in classes.values() for f in dataclasses.fields(cls)}
    problems = [
        describe_unknown("key", name, sorted(known))
        if name not in known
        else f"key {name!r} is missing"
        for name in sorted(set(config).symmetric_difference(known | set(CHOICES)))
    ]
    parts: dict[str, Any] = {}
    for part, cls in classes.items():
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            if field.name in config:
                value, problem = _typed(cls, field.name, config[field.name])
                values[field.name] = value
                problems += problem
        parts[part] = cls(**values)
    if problems:
        raise ConfigError(problems, origin)
    for part in parts.values():
        problems += part.problems()
    settings = Settings(**parts, choices=tuple(choices.items()))
    problems += settings.problems()
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)), origin)
    return settings


def from_saved(flat: Mapping[str, Any]) -> config_dict.ConfigDict:
    """Returns the ConfigDict of settings that a run has saved.

    A key that is newer than the run has its default.

    Raises:
      ConfigError: if the run has keys that this program does not know.
    """
    if missing := [part for part in CHOICES if part not in flat]:
        raise ConfigError(
            [f"key {part!r} is missing" for part in missing], "the saved settings"
        )
    config = defaults(**{part: str(flat[part]) for part in CHOICES})
    if unknown := sorted(flat.keys() - config.keys()):
        raise ConfigError(
            [describe_unknown("key", name, list(config)) for name in unknown],
            "the saved settings",
        )
    with config.ignore_type():
        config.update(flat)
    return config


def _classes(choices: Mapping[str, str]) -> dict[str, type]:
    """The dataclass behind each part."""
    chosen = {part: CHOICES[part][name] for part, name in choices.items()}
    return chosen | FIXED


@functools.cache
def _type_hints(cls: type) -> dict[str, Any]:
    """The types of a class's fields; finding them takes most of the time of a config."""
    return typing.get_type_hints(cls)


def _field_type(cls: type, name: str) -> tuple[type, bool]:
    """The plain type of a field, and whether it may be None."""
    hint = _type_hints(cls)[name]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        return _plain(kinds[0]), True
    return _plain(hint), False


def _plain(hint: Any) -> type:
    """`Literal["a", "b"]` and `tuple[int, ...]` as the class of their values."""
    if typing.get_origin(hint) is typing.Literal:
        return type(typing.get_args(hint)[0])
    return typing.get_origin(hint) or hint


def _typed(cls: type, name: str, value: Any) -> tuple[Any, list[str]]:
    """Returns the value as the field's type wants it, and what is wrong with it."""
    kind, optional = _field_type(cls, name)
    if value is None:
        return None, [] if optional else [f"{name} must be set ({kind.__name__})"]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value), []
    if kind is tuple and isinstance(value, list):
        return tuple(value), []
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return value, [f"{name}={value!r} must be of type {kind.__name__}"]
    return value, []

"""Moves the values of a config.json to and from the fields of our config classes."""

from collections.abc import Mapping
from typing import Any

from transformer_lm.registry import UserError

ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
"""Their names and ours; ours are among theirs."""


class HfConfigError(UserError):
    """A config.json that our networks cannot follow."""


def to_hf(config: object, fields: Mapping[str, str]) -> dict[str, Any]:
    """Returns {their key: value of our field}."""
    return {theirs: getattr(config, ours) for theirs, ours in fields.items()}


def from_hf(
    given: Mapping[str, Any],
    fields: Mapping[str, str],
    *,
    defaults: Mapping[str, Any],
    only: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns {our field: value of their key}.

    Args:
      given: values of a config.json.
      fields: {their key: our field}.
      defaults: what transformers takes for keys that are not there.
      only: the values that our network stands for; others are refused.

    Raises:
      HfConfigError: naming every value that is missing or cannot be followed.
    """
    values = {**defaults, **given}
    problems = [f"{key} is missing" for key in fields if key not in values]
    problems += [
        f"{key}={values[key]!r} is not supported; only {value!r} is"
        for key, value in only.items()
        if key in values and values[key] != value
    ]
    found = {ours: values[key] for key, ours in fields.items() if key in values}
    activation = found.get("activation")
    if activation in ACTIVATIONS:
        found["activation"] = ACTIVATIONS[activation]
    elif activation is not None:
        known = ", ".join(ACTIVATIONS)
        problems.append(f"activation {activation!r} is unknown; known: {known}")
    if problems:
        model = given.get("model_type", "unknown")
        lines = "".join(f"\n  - {problem}" for problem in problems)
        raise HfConfigError(
            f"{len(problems)} problem(s) in config.json (model_type {model!r}):{lines}"
        )
    return found

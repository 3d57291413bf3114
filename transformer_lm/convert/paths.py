"""Nested dicts of parameters as flat ones, with scanned stacks cut into layers."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
"""Arrays by name; ours are paths such as `stack/layer_0/attention/out/kernel`."""


def flatten(parameters: Any, prefix: str = "") -> Arrays:
    """Returns the arrays of a nested dict by path.

    >>> flatten({"a": {"b": np.ones(2)}})
    {'a/b': array([1., 1.])}
    """
    if not isinstance(parameters, Mapping):
        return {prefix: np.asarray(parameters)}
    flat: Arrays = {}
    for key, value in parameters.items():
        flat |= flatten(value, f"{prefix}/{key}" if prefix else key)
    return flat


def unflatten(flat: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Undoes `flatten`."""
    nested: dict[str, Any] = {}
    for path, array in flat.items():
        *folders, last = path.split("/")
        inner = nested
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[last] = array
    return nested


def unstack_layers(flat: Mapping[str, np.ndarray]) -> Arrays:
    """Cuts each `…/layers/…` of a scanned stack into `…/layer_0/…`, `…/layer_1/…`."""
    cut: Arrays = {}
    for path, array in flat.items():
        before, scanned, after = path.partition("/layers/")
        if scanned:
            cut |= {f"{before}/layer_{i}/{after}": a for i, a in enumerate(array)}
        else:
            cut[path] = array
    return cut


def stack_layers(flat: Mapping[str, np.ndarray]) -> Arrays:
    """Undoes `unstack_layers`."""
    stacked: Arrays = {}
    layers: dict[str, dict[int, np.ndarray]] = {}
    for path, array in flat.items():
        match = re.fullmatch(r"(.*)/layer_(\d+)/(.*)", path)
        if match:
            scanned = layers.setdefault(f"{match[1]}/layers/{match[3]}", {})
            scanned[int(match[2])] = array
        else:
            stacked[path] = array
    for path, arrays in layers.items():
        stacked[path] = np.stack([arrays[index] for index in range(len(arrays))])
    return stacked

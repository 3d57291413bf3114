"""The items of a checkpoint that hold the state of a run.

- `parameters` (and `average`, where the run keeps one): what sampling and export read;
- `training`: all else, that is step, random key, optimizer and loss scale.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax

from transformer_lm.registry import UserError

SEPARATE = ("parameters", "average")
"""Fields of the state that are items of their own."""

LISTED = 10
"""Differences that an error lists; a wrong network differs everywhere."""


class OtherNetworkError(UserError):
    """A checkpoint that holds other parameters than those asked for."""


def split(state: Any) -> dict[str, Any]:
    """Items of a checkpoint from a `TrainState`; those that it lacks are left out."""
    fields = {
        field.name: getattr(state, field.name) for field in dataclasses.fields(state)
    }
    fields = {name: tree for name, tree in fields.items() if tree is not None}
    items = {name: fields.pop(name) for name in SEPARATE if name in fields}
    return items | {"training": fields}


def join(abstract: Any, items: Mapping[str, Any]) -> Any:
    """The `TrainState` whose items were read.

    Args:
      abstract: what `split` was given when they were asked for.
      items: what was read; Orbax gives dictionaries for other containers.
    """
    fields = {
        name: items[name] for name in SEPARATE if getattr(abstract, name) is not None
    }
    for name, value in items["training"].items():
        structure = jax.tree.structure(getattr(abstract, name))
        fields[name] = jax.tree.unflatten(structure, jax.tree.leaves(value))
    return abstract.replace(**fields)


def shapes(metadata: Any, item: str) -> dict[str, tuple[int, ...]]:
    """Shape of each array of an item, by its place; none if the item is not there.

    Args:
      metadata: Orbax's, of a checkpoint.
      item: "parameters", "average" or "training".
    """
    held = metadata[item] if item in metadata.keys() else None  # noqa: SIM118
    return {} if held is None else _shapes(held.tree)


def check_shapes(metadata: Any, wanted: Mapping[str, Any], *, place: str) -> None:
    """Compares names and shapes with what a checkpoint holds, before it is read.

    Args:
      metadata: Orbax's, of the checkpoint.
      wanted: items by name.
      place: of the checkpoint, in words, for the error.

    Raises:
      OtherNetworkError: listing what differs.
    """
    problems = []
    for item, tree in wanted.items():
        saved, needed = shapes(metadata, item), _shapes(tree)
        problems += [
            f"{item}{name}: {saved.get(name, 'nothing')} saved,"
            f" {needed.get(name, 'nothing')} needed"
            for name in sorted(saved.keys() | needed.keys())
            if saved.get(name) != needed.get(name)
        ]
    if problems:
        rest = len(problems) - LISTED
        more = f"\n  … and {rest} more" if rest > 0 else ""
        raise OtherNetworkError(
            f"{place} belongs to another network or optimizer:\n  "
            + "\n  ".join(problems[:LISTED])
            + more
        )


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    """Shape of each leaf by its place, whatever containers hold it."""
    return {
        "".join(
            f".{getattr(key, 'key', getattr(key, 'idx', getattr(key, 'name', key)))}"
            for key in path
        ): tuple(leaf.shape)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        if hasattr(leaf, "shape")
    }

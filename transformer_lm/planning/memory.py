"""Bytes of a chip's memory by what they hold."""

import math
import re
from typing import Any

import jax

from transformer_lm.train.state import TrainState

GIB = 2**30

_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def tree_bytes(tree: Any) -> int:
    """Bytes that a tree of abstract arrays takes on one device of its shardings."""
    return sum(
        math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(tree)
    )


def argument_bytes(state: TrainState, batch: Any) -> dict[str, int]:
    """Bytes of what a train step takes, by class, on one device.

    Args:
      state: shapes with shardings.
      batch: the same of a global batch.
    """
    found = {
        "parameters": tree_bytes(state.parameters),
        "optimizer": tree_bytes(state.optimizer),
        "average": tree_bytes(state.average),
        "batch": tree_bytes(batch),
    }
    return {name: size for name, size in found.items() if size}


def compiled_bytes(arguments: dict[str, int], compiled: Any) -> dict[str, int]:
    """Adds to `argument_bytes` what the compiler sets aside.

    Args:
      arguments: by class.
      compiled: a `jax.stages.Compiled` whose state is donated.

    Returns:
      Bytes by class, which add up to what the program needs of a chip.
    """
    analysis = compiled.memory_analysis()
    padding = analysis.argument_size_in_bytes - sum(arguments.values())
    results = analysis.output_size_in_bytes - analysis.alias_size_in_bytes
    return {
        **arguments,
        "layout padding": max(padding, 0),
        "results": results,
        "activations and temporaries": analysis.temp_size_in_bytes,
        "generated code": analysis.generated_code_size_in_bytes,
    }


def needed_bytes(message: str) -> float | None:
    """Reads from the compiler's words how much a program that does not fit needs.

    >>> needed_bytes("Used 1.50G of 1.25G hbm. Exceeded hbm capacity by 256.00M.") / GIB
    1.5

    Returns:
      Bytes; None where the message is none about memory.
    """
    for pattern in (
        r"Used ([\d.]+)([KMGT]) of [\d.]+[KMGT] hbm",
        r"HLO temporaries \(([\d.]+)([KMGT])\) exceeds available HBM",
    ):
        if match := re.search(pattern, message):
            return float(match[1]) * _UNITS[match[2]]
    return None

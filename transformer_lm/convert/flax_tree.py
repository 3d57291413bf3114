"""Parameters of the stock torch classes as the stock Flax classes name them.

transformers 4.x has both; a matrix is stored the other way round in Flax, GPT-2's
Conv1D included.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from transformer_lm.convert.paths import Arrays, unflatten

TABLES = ("_embeddings", "wte", "wpe")
"""Endings of the names of embedding tables."""


def flax_tree(state: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns the nested parameters of a Flax class.

    >>> tree = flax_tree({"h.0.ln.weight": np.ones(2), "h.0.fc.weight": np.ones((3, 2))})
    >>> tree["h"]["0"]["ln"]["scale"].shape, tree["h"]["0"]["fc"]["kernel"].shape
    ((2,), (2, 3))

    Args:
      state: of the torch class, without tied copies.
    """
    flat: Arrays = {}
    for name, array in state.items():
        *parents, last = name.split(".")
        if last == "weight" and parents[-1].endswith(TABLES):
            last = "embedding"
        elif last == "weight" and array.ndim == 1:
            last = "scale"
        elif last == "weight":
            last, array = "kernel", array.T
        flat["/".join([*parents, last])] = np.ascontiguousarray(array)
    return unflatten(flat)

"""Scores a held-out split."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from transformer_lm.objectives.interface import Batch, Sums
from transformer_lm.parallel import to_global
from transformer_lm.processes import any_process

EvalStep = Callable[[Any, Batch, jax.Array], Sums]


def evaluate(
    eval_step: EvalStep,
    parameters: Any,
    batches: Iterable[Mapping[str, np.ndarray]],
    mesh: Mesh,
    *,
    rng: jax.Array,
    max_batches: int | None,
    stops: Callable[[], object] = lambda: None,
) -> dict[str, tuple[float, float]] | None:
    """Adds up the sums of all batches.

    Args:
      eval_step: jitted `make_eval_step`.
      parameters: to evaluate.
      batches: this process's batches, host-local; processes may have different numbers.
      mesh: where the batches go.
      rng: batch i draws its masks from `fold_in(rng, i)`, alike at each evaluation.
      max_batches: stop after so many; None: take all.
      stops: asked before each batch, alike on all processes; if it gives something,
        the evaluation is left.

    Returns:
      Named (sum, weight) pairs over all processes; None: it was left.
    """
    totals: dict[str, tuple[float, float]] = {}
    iterator = iter(batches)
    empty: dict[str, np.ndarray] | None = None
    count = 0
    while max_batches is None or count < max_batches:
        if stops():
            return None
        batch = next(iterator, None)
        if not any_process(batch is not None):
            break
        if batch is None:
            # Another process has more: take part in its step with nothing of our own.
            assert empty is not None
            batch = empty
        empty = {name: np.zeros_like(array) for name, array in batch.items()}
        sums = eval_step(
            parameters, to_global(batch, mesh), jax.random.fold_in(rng, count)
        )
        for name, (total, weight) in jax.device_get(sums).items():
            old_total, old_weight = totals.get(name, (0.0, 0.0))
            totals[name] = (old_total + float(total), old_weight + float(weight))
        count += 1
    return totals

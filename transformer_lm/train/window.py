"""Training metrics between two log lines."""

import math
from typing import Any

import jax

from transformer_lm.metrics import normalise
from transformer_lm.registry import UserError


class MetricWindow:
    """Adds up the metrics of steps until a line is logged.

    A window is part of a checkpoint, so that the first line after a resume covers the
    same steps as in a run that was not interrupted.

    Args:
      saved: `saved()` of the run that is gone on with; empty: nothing yet.
    """

    def __init__(self, saved: dict[str, Any]) -> None:
        self._sums: dict[str, list[float]] = saved.get("sums", {})
        self._last: dict[str, float] = {}

    def add(self, step: int, metrics: dict[str, Any], *, may_skip: bool) -> None:
        """Adds the metrics of one step.

        Args:
          step: the update that gave them, counted from 1.
          metrics: from the train step; fetched here, which waits for that step.
          may_skip: the step leaves out updates that are not finite (float16).

        Raises:
          UserError: if the loss is not finite, naming the step.
        """
        metrics = jax.device_get(metrics)
        sums = metrics.pop("sums")
        self._last = {name: float(value) for name, value in metrics.items()}
        broken = [name for name, (total, _) in sums.items() if not math.isfinite(total)]
        norm = self._last["gradient_norm"]
        if (broken or not math.isfinite(norm)) and not may_skip:
            raise UserError(
                f"training stopped at step {step}: {', '.join(broken) or 'gradient'} is"
                f" not finite (gradient norm {norm}). Nothing of this step was saved;"
                " lower learning_rate, set clip_norm, or look at the data."
            )
        if broken:
            return
        for name, (total, weight) in sums.items():
            old_total, old_weight = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = [old_total + float(total), old_weight + float(weight)]

    def close(self) -> dict[str, float]:
        """Returns the means over the window, named `train_…`, and begins a new one."""
        means = normalise(
            {name: (total, weight) for name, (total, weight) in self._sums.items()}
        )
        self._sums = {}
        return {f"train_{name}": value for name, value in means.items()} | self._last

    def saved(self) -> dict[str, Any]:
        """What a checkpoint keeps, as JSON values."""
        return {"sums": self._sums}

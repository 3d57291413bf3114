"""Training metrics between two log lines."""

import logging
import math
from typing import Any

import jax

from transformer_lm.metrics import normalise
from transformer_lm.registry import UserError
from transformer_lm.settings import Training

LOGGER = logging.getLogger("transformer_lm")

LACKS_EVALUATION = "lacks_evaluation"
"""Key in a checkpoint's window: the evaluation of its step is still to be made."""


class MetricWindow:
    """Adds up the metrics of steps until a line is logged.

    A window is part of a checkpoint, so that the first line after a resume covers the
    same steps as in a run that was not interrupted.

    Args:
      saved: `saved()` of the run that is gone on with; empty: nothing yet.
      training: what is to be done about steps that are not sound.
    """

    def __init__(self, saved: dict[str, Any], training: Training) -> None:
        self._sums: dict[str, list[float]] = saved.get("sums", {})
        self._skipped: int = saved.get("skipped", 0)
        self._in_a_row: int = saved.get("in_a_row", 0)
        self._last: dict[str, float] = {}
        self._training = training

    def add(self, step: int, metrics: dict[str, Any]) -> bool:
        """Adds the metrics of one step.

        Args:
          step: the update that gave them, counted from 1.
          metrics: from the train step; fetched here, which waits for that step.

        Returns:
          Whether the step went well. A gradient that overflows under float16's loss
          scale is no failure: the scale is lowered.

        Raises:
          UserError: naming the step, if it is not sound and training has to stop.
        """
        metrics = jax.device_get(metrics)
        sums, sound = metrics.pop("sums"), bool(metrics.pop("sound"))
        self._last = {name: float(value) for name, value in metrics.items()}
        broken = [name for name, (total, _) in sums.items() if not math.isfinite(total)]
        norm = self._last["gradient_norm"]
        overflows = not math.isfinite(norm) and self._last.get("loss_scale", 1.0) > 1
        if not sound and not overflows:
            self._judge(step, self._describe(broken, norm))
            return False
        self._in_a_row = 0
        if not broken:
            for name, (total, weight) in sums.items():
                old_total, old_weight = self._sums.get(name, (0.0, 0.0))
                self._sums[name] = [
                    old_total + float(total),
                    old_weight + float(weight),
                ]
        return True

    def _judge(self, step: int, reason: str) -> None:
        """Counts a step whose update was left out, or stops the run."""
        training = self._training
        if training.nonfinite_policy == "stop":
            raise UserError(
                f"training stopped at step {step}: {reason}. Nothing of this step was"
                " saved; lower learning_rate, set clip_norm, look at the data, or leave"
                " such updates out with nonfinite_policy=skip."
            )
        self._skipped += 1
        self._in_a_row += 1
        if self._in_a_row > training.max_skipped_steps:
            raise UserError(
                f"training stopped at step {step}: {reason}, in {self._in_a_row} steps"
                f" in a row (max_skipped_steps={training.max_skipped_steps}). Their"
                " updates were left out; lower learning_rate, or look at the data."
            )
        LOGGER.warning(
            "step %d: %s; its update is left out (%d so far)",
            step,
            reason,
            self._skipped,
        )

    def _describe(self, broken: list[str], norm: float) -> str:
        limit = self._training.gradient_norm_limit
        if not broken and math.isfinite(norm):
            return f"the gradient norm {norm:.6g} is above gradient_norm_limit={limit}"
        what = ", ".join(broken) or "gradient"
        return f"{what} is not finite (gradient norm {norm})"

    def close(self) -> dict[str, float]:
        """Returns the means over the window, named `train_…`, and begins a new one.

        A window whose steps were all left out has no means.
        """
        means = normalise(
            {name: (total, weight) for name, (total, weight) in self._sums.items()}
        )
        self._sums = {}
        values = {f"train_{name}": value for name, value in means.items()} | self._last
        if self._training.nonfinite_policy == "skip":
            values["skipped_steps"] = self._skipped
        return values

    def saved(self) -> dict[str, Any]:
        """What a checkpoint keeps, as JSON values."""
        counts = {"skipped": self._skipped, "in_a_row": self._in_a_row}
        return {"sums": self._sums} | {name: n for name, n in counts.items() if n}

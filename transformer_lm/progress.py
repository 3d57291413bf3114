"""What a person watches: a progress bar that the log does not tear."""

import datetime
import logging
import math
import os
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tqdm import tqdm

from transformer_lm.metrics import format_number

_SCREEN_ONLY = logging.getLogger(f"{__name__}.screen_only")


class Progress:
    """Shows how far a run is: a bar on a terminal, plain lines elsewhere.

    A context manager. `update` may come at every step, to move the bar, and with values
    every `log_every_steps`: `train_loss` and what `Throughput.read` returns are shown.
    ETA is the training time left at the speed of the last readings
    (`steps_per_second`, smoothed), which leave compilation, evaluations and saves out;
    those that are to come are not foreseen in it.

    Args:
        total_steps: steps of the whole run.
        first_step: steps already done.
        enabled: False, for all processes but the first, shows nothing.
    """

    def __init__(self, *, total_steps: int, first_step: int, enabled: bool) -> None:
        self._total_steps = total_steps
        self._enabled = enabled
        self._values: dict[str, float] = {}
        self._steps_per_second: float | None = None
        self._bar: tqdm | None = None
        if enabled and sys.stderr.isatty():
            self._bar = tqdm(
                total=total_steps,
                initial=first_step,
                dynamic_ncols=True,
                miniters=1,
                colour=None if "NO_COLOR" in os.environ else "green",
                bar_format="{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}",
            )

    def update(self, step: int, values: Mapping[str, float]) -> None:
        """Shows that `step` steps are done, with the newest `values` (maybe none)."""
        if not self._enabled:
            return
        self._values |= values
        speed = values.get("steps_per_second", 0.0)
        if math.isfinite(speed) and speed > 0:
            last = self._steps_per_second or speed
            self._steps_per_second = 0.7 * last + 0.3 * speed
        if self._bar is not None:
            if values:
                self._bar.set_postfix_str(self._describe(step), refresh=False)
            self._bar.update(step - self._bar.n)
        elif values:
            percent = 100 * step // self._total_steps
            _SCREEN_ONLY.info(
                "step %d/%d (%d %%): %s",
                step,
                self._total_steps,
                percent,
                self._describe(step),
            )

    def _describe(self, step: int) -> str:
        """Says loss, speeds and the time left."""
        shown = (
            ("train_loss", "loss {}"),
            ("train_pair_loss", "pair loss {}"),
            ("train_generator_loss", "generator loss {}"),
            ("train_discriminator_loss", "discriminator loss {}"),
            ("tokens_per_second", "{} tokens/s"),
            ("mfu", "MFU {} %"),
        )
        parts = [
            text.format(format_number(self._values[name]))
            for name, text in shown
            if name in self._values
        ]
        if self._steps_per_second is not None:
            seconds = round((self._total_steps - step) / self._steps_per_second)
            parts.append(f"ETA {datetime.timedelta(seconds=seconds)}")
        return ", ".join(parts)

    def close(self) -> None:
        """Leaves the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

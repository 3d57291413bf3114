"""Decides when a run is saved, and saves it."""

import logging
import time
from typing import Any

from transformer_lm.checkpoint import CheckpointStore, CheckpointWriteError
from transformer_lm.processes import any_process
from transformer_lm.run_settings import Settings
from transformer_lm.train.state import TrainState

LOGGER = logging.getLogger("transformer_lm")

PAUSES = (1.0, 4.0, 10.0)
"""Seconds before a save that failed is tried again; file systems have bad moments."""


class Saver:
    """Saves every so many steps or minutes, and when asked.

    Args:
      store: the checkpoints of the work folder.
      settings: of the run.
      step: updates already done.
    """

    def __init__(self, store: CheckpointStore, settings: Settings, step: int) -> None:
        self._store = store
        self._settings = settings
        self._saved_step = step
        self._saved_time = time.monotonic()

    def due(self, step: int) -> bool:
        """Whether the state is to be saved after `step`; alike on all processes."""
        saving = self._settings.checkpoints
        if not saving.save_checkpoints:
            return False
        if step % saving.checkpoint_every_steps == 0:
            return True
        minutes = saving.checkpoint_every_minutes
        # Asking all processes costs a message: only where a line is logged anyway.
        if minutes is None or step % self._settings.evaluation.log_every_steps:
            return False
        return any_process(time.monotonic() - self._saved_time > 60 * minutes)

    def save(
        self,
        step: int,
        state: TrainState,
        position: bytes,
        window: dict[str, Any],
        held_out: dict[str, float] | None,
        *,
        is_last: bool,
    ) -> None:
        """Starts to save, unless this step is saved or nothing is to be.

        A save goes on while training does. If it fails, it comes out here at the next
        one, which is then waited for, and tried again after some pauses.

        Args:
          step: updates done.
          state: after them.
          position: of this process's data after `step` batches.
          window: of the reporter.
          held_out: metrics of this very step, named `eval_…`; None: not evaluated.
          is_last: no other will follow; wait until it is written.

        Raises:
          UserError: if it cannot be written.
        """
        if not self._settings.checkpoints.save_checkpoints or step == self._saved_step:
            return
        best = f"eval_{self._settings.checkpoints.best_metric}"
        metrics = None
        if held_out is not None and best in held_out:
            metrics = {self._settings.checkpoints.best_metric: held_out[best]}
        must_wait = is_last or not self._last_is_written()
        for pause in (*PAUSES, None):
            try:
                self._store.save(
                    step, state, position, self._settings.flat(), window, metrics
                )
                if must_wait:
                    self._store.wait()
                break
            except CheckpointWriteError as error:
                if pause is None:
                    raise
                LOGGER.error("%s\nTried again in %.0f seconds.", error, pause)
                time.sleep(pause)
        self._saved_step, self._saved_time = step, time.monotonic()

    def _last_is_written(self) -> bool:
        """Waits for the save before; says if it failed."""
        try:
            self._store.wait()
        except CheckpointWriteError as error:
            LOGGER.error("%s\nThe present step is saved instead.", error)
            return False
        return True

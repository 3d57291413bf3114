"""Carries figures from the steps to the files and the screen."""

import logging
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from transformer_lm.metrics import MetricWriter
from transformer_lm.progress import Progress
from transformer_lm.registry import UserError
from transformer_lm.run_settings import Settings
from transformer_lm.throughput import Throughput, device_peak_flops
from transformer_lm.train.bad_steps import keep_batch
from transformer_lm.train.window import LACKS_EVALUATION, MetricWindow

LOGGER = logging.getLogger("transformer_lm")
Rows = Mapping[str, np.ndarray]
"""A batch as the data gives it."""


class Reporter:
    """Fetches metrics one step late, so that the devices never wait for the host.

    Args:
      settings: of the run.
      workdir: where files go.
      vocab_size: of the tokenizer; for the model's FLOPs.
      step: updates already done.
      window: `MetricWindow.saved()` of the checkpoint that the run goes on from.
    """

    def __init__(
        self,
        settings: Settings,
        workdir: str,
        vocab_size: int,
        step: int,
        window: dict[str, Any],
    ) -> None:
        is_first = jax.process_index() == 0
        training, length = settings.training, settings.windows.max_target_length
        self._total = training.num_train_steps
        self._log_every = settings.evaluation.log_every_steps
        self._workdir = workdir
        self._window = MetricWindow(window, training)
        self._throughput = Throughput(
            tokens_per_step=training.global_batch_size(jax.device_count()) * length,
            flops_per_token=settings.flops_per_token(vocab_size),
            peak_flops=device_peak_flops(jax.devices(), training.compute_dtype),
        )
        self._writer = MetricWriter(
            workdir,
            resume_step=step,
            tensorboard=settings.evaluation.tensorboard,
            wandb_project=settings.evaluation.wandb_project,
            settings=settings.flat(),
            enabled=is_first,
        )
        self._progress = Progress(
            total_steps=self._total, first_step=step, enabled=is_first
        )
        self._pending: tuple[int, dict[str, Any], Rows] | None = None

    def sent(self, step: int, metrics: dict[str, Any], rows: Rows) -> None:
        """Takes the metrics of a step that was just sent; handles those before.

        Args:
          step: the update, counted from 1.
          metrics: of the train step, still on their way.
          rows: this process's part of its batch; kept if the step goes wrong.
        """
        self.catch_up()
        self._pending = (step, metrics, rows)

    def catch_up(self) -> None:
        """Waits for the last step sent and handles its metrics.

        Raises:
          UserError: if it is not sound, and training has to stop.
        """
        if self._pending is None:
            return
        step, metrics, rows = self._pending
        self._pending = None
        try:
            is_sound = self._window.add(step, dict(metrics))
        except UserError as error:
            file = keep_batch(self._workdir, step, rows, jax.device_get(metrics))
            where = f" Its batch is kept in {file}." if file else ""
            raise UserError(f"{error}{where}") from error
        if not is_sound:
            file = keep_batch(self._workdir, step, rows, jax.device_get(metrics))
            if file:
                LOGGER.warning("the batch of step %d is kept in %s", step, file)
        values: dict[str, float] = {}
        if step % self._log_every == 0 or step == self._total:
            values = self._window.close() | self._throughput.read(step)
            if "tokens_per_second" in values and "train_padding" in values:
                # The other speeds count every position, as the hardware does.
                share = 1 - values["train_padding"]
                for name in ("tokens_per_second", "mfu"):
                    values[f"useful_{name}"] = share * values[name]
            self._writer.scalars(step, values)
        self._progress.update(step, values)

    def evaluated(
        self,
        step: int,
        metrics: dict[str, float],
        samples: dict[str, str],
        data: Mapping[str, object],
    ) -> None:
        """Writes what was seen at an evaluation, and what was read until then."""
        self._writer.scalars(step, metrics)
        self._writer.texts(step, samples)
        self._writer.data(step, data)
        self._writer.flush()

    def restart_clock(self, step: int) -> None:
        """Leaves out of the speed what was done since the last step."""
        self._throughput.start(step)

    def window(self, *, lacks_evaluation: bool) -> dict[str, Any]:
        """What a checkpoint keeps of the figures not yet logged.

        Args:
          lacks_evaluation: those of this step's evaluation are among them.
        """
        lacking = {LACKS_EVALUATION: True} if lacks_evaluation else {}
        return self._window.saved() | lacking

    def close(self) -> None:
        """Finishes all files."""
        self._progress.close()
        self._writer.close()

"""Records some steps with the JAX profiler."""

import contextlib

import jax

WARM_UP_STEPS = 10
"""Steps before the recording: compilation and first transfers are not typical."""


class StepProfiler:
    """Marks each step, and records `num_steps` of them after the warm-up.

    Args:
      folder: where the trace goes; TensorBoard and Perfetto read it.
      first_step: updates already done.
      num_steps: how many to record; 0: none.
    """

    def __init__(self, folder: str, first_step: int, num_steps: int) -> None:
        self._folder = folder
        self._begin = first_step + WARM_UP_STEPS
        self._end = self._begin + num_steps
        self._recording = False

    def step(self, step: int) -> contextlib.AbstractContextManager[object]:
        """Begins step `step`, counted from 0."""
        if self._recording and step >= self._end:
            self.close()
        elif step == self._begin < self._end:
            jax.profiler.start_trace(self._folder)
            self._recording = True
        return jax.profiler.StepTraceAnnotation("train", step_num=step)

    def close(self) -> None:
        """Writes the trace if one is being recorded."""
        if self._recording:
            jax.profiler.stop_trace()
            self._recording = False

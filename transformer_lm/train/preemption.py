"""Notices that the machine wants the run to end."""

import signal
from types import FrameType

import jax
from jax.experimental import multihost_utils

from transformer_lm.registry import UserError


class Preempted(UserError):  # noqa: N818 - it is no mistake of anybody's.
    """The run was asked to end; its state is saved."""


class PreemptionWatch:
    """Turns SIGTERM and SIGINT into a flag that the loop reads between steps.

    A second SIGINT ends the process at once. With several processes JAX's own service
    catches SIGTERM and makes all of them stop at the same step.
    """

    def __init__(self) -> None:
        self._received: str | None = None
        numbers = [signal.SIGTERM, signal.SIGINT] if jax.process_count() == 1 else []
        self._previous = {
            number: signal.signal(number, self._receive) for number in numbers
        }

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._received = signal.Signals(number).name
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def requested(self, step: int) -> str | None:
        """Names the signal if the run must save and end now; alike on all processes."""
        if jax.process_count() == 1:
            return self._received
        if multihost_utils.reached_preemption_sync_point(step):
            return "SIGTERM on one of the processes"
        return None

    def close(self) -> None:
        """Gives the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

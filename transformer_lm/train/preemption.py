"""Notices that the machine wants the run to end."""

import signal
from types import FrameType

import jax
from jax.experimental import multihost_utils

from transformer_lm.registry import UserError


class Preempted(UserError):  # noqa: N818 - it is no mistake of anybody's.
    """The run was asked to end; its state is saved."""


class PreemptionWatch:
    """Turns SIGTERM and SIGINT into a flag, read between steps and evaluation batches.

    A second SIGINT ends the process at once. With several processes JAX's own service
    catches SIGTERM and makes all of them stop at the same moment.
    """

    def __init__(self) -> None:
        self._received: str | None = None
        self._asked = 0
        numbers = [signal.SIGTERM, signal.SIGINT] if jax.process_count() == 1 else []
        self._previous = {
            number: signal.signal(number, self._receive) for number in numbers
        }

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._received = signal.Signals(number).name
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def requested(self) -> str | None:
        """Names the signal if the run must save and end now; alike on all processes.

        All processes must ask equally often.
        """
        if jax.process_count() > 1 and self._received is None:
            # The service names a moment to come by its number, so none may be left out.
            self._asked += 1
            if multihost_utils.reached_preemption_sync_point(self._asked):
                self._received = "SIGTERM on one of the processes"
        return self._received

    def close(self) -> None:
        """Gives the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

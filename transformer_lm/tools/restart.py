"""Runs a command again until it is done, on machines that disappear.

  python -m transformer_lm.tools.restart -- python main.py --config=… --workdir=…

- The command ends with 0: done.
- With 143 (it was asked to end and has saved) or 75 (another process of the run is
  gone): again, after a pause.
- With anything else: again, after pauses that double. If it failed that often in a row,
  each time within --fast_seconds of its start, something is wrong that trying does not
  mend: the tool ends with the command's own code.

SIGTERM and SIGINT are handed on to the command; when it has ended, so does the tool, with
the command's code, because it is then this machine that goes.
"""

import argparse
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from transformer_lm.exit_codes import PEER_LOST, PREEMPTED
from transformer_lm.tools.command import ToolParser, start_tool

LONGEST_PAUSE = 300.0
"""Seconds; pauses double up to this."""

_GLANCE_SECONDS = 0.2

LOGGER = logging.getLogger(__name__)


class Restarter:
    """Starts a command, hands signals on, and decides whether it runs again.

    Args:
      command: program and arguments.
      fast_seconds: a failure sooner than this after its start is a fast one.
      most_fast: so many fast failures in a row are the last.
      pause: seconds before a failed command is started again, at first.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        fast_seconds: float,
        most_fast: int,
        pause: float,
    ) -> None:
        self._command = command
        self._fast_seconds = fast_seconds
        self._most_fast = most_fast
        self._pause = pause
        self._child: subprocess.Popen[bytes] | None = None
        self._asked_to_end = False

    def run(self) -> int:
        """Runs the command until it is done; returns the last exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hand_on)
        starts = fast_failures = 0
        while True:
            starts += 1
            began = time.monotonic()
            code = self._run_once()
            seconds = time.monotonic() - began
            LOGGER.info("start %d ended with %d after %.0f s", starts, code, seconds)
            if code == 0 or self._asked_to_end:
                return code
            is_fast = seconds < self._fast_seconds
            if code in (PREEMPTED, PEER_LOST):
                fast_failures = 0
            else:
                fast_failures = fast_failures + 1 if is_fast else 0
            if fast_failures >= self._most_fast:
                LOGGER.error(
                    "%d failures in a row, each within %.0f s: not started again",
                    fast_failures,
                    self._fast_seconds,
                )
                return code
            pause = min(self._pause * 2 ** max(fast_failures - 1, 0), LONGEST_PAUSE)
            LOGGER.info("started again in %.0f s", pause)
            if not self._slept(pause):
                return code

    def _slept(self, seconds: float) -> bool:
        """Sleeps; False if a signal wanted the end meanwhile."""
        until = time.monotonic() + seconds
        while not self._asked_to_end and time.monotonic() < until:
            time.sleep(min(_GLANCE_SECONDS, max(until - time.monotonic(), 0)))
        return not self._asked_to_end

    def _run_once(self) -> int:
        # Its own session: Ctrl-C in a terminal then reaches it through this process,
        # once and not twice.
        self._child = subprocess.Popen(self._command, start_new_session=True)
        if self._asked_to_end:
            self._child.terminate()
        code = self._child.wait()
        return 128 - code if code < 0 else code

    def _hand_on(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._asked_to_end = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)


def parser() -> ToolParser:
    """Returns the command's arguments."""
    made = ToolParser(module="transformer_lm.tools.restart", description=__doc__)
    made.add_argument(
        "--fast_seconds", type=float, default=300, help="a sooner failure is fast (300)"
    )
    made.add_argument(
        "--most_fast", type=int, default=3, help="fast failures in a row (3)"
    )
    made.add_argument(
        "--pause", type=float, default=10, help="seconds before another start (10)"
    )
    made.add_argument("command", nargs="+", help="program and arguments, after --")
    return made


def main(arguments: argparse.Namespace) -> None:
    """Runs the command until it is done; ends with its code."""
    sys.exit(
        Restarter(
            arguments.command,
            fast_seconds=arguments.fast_seconds,
            most_fast=arguments.most_fast,
            pause=arguments.pause,
        ).run()
    )


if __name__ == "__main__":
    start_tool(main, parser())

"""Contestants that take turns: each is a process, and only one computes at a time.

A contestant lives in a process of its own, because torch and JAX do not share one, and
waits at a pipe until it is told how many steps to do. Turns alternate, so that a busy
moment of the machine does not hit one contestant alone; what counts is the median, over
rounds, of the ratio within a round.
"""

import dataclasses
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

SETTLING_STEPS = 3
"""After compilation, before anything counts."""


class ContestantError(Exception):
    """A contestant's process ended."""


@dataclasses.dataclass(frozen=True)
class Turn:
    """What one turn took."""

    seconds: float
    """A step, by the clock."""
    processor_seconds: float
    """A step, by the processor time of all threads."""


class Contestant:
    """A process that computes when asked.

    Args:
      module: name of a module in `benchmarks.contestants`.
      case: the arguments of its `prepare`, as JSON values.
    """

    def __init__(self, module: str, case: Mapping[str, Any]) -> None:
        self.module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", module, json.dumps(case)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
        )
        self.facts = self._answer()
        """What it says about itself; `missing`: why it cannot take part."""

    def turn(self, steps: int) -> Turn:
        """Does `steps` steps."""
        assert self._process.stdin is not None
        print(steps, file=self._process.stdin, flush=True)
        answer = self._answer()
        return Turn(answer["seconds"] / steps, answer["processor_seconds"] / steps)

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        """Reads a line of JSON.

        Raises:
          ContestantError: if the process has ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise ContestantError(f"{self.module} ended with code {code}; see above")
        return json.loads(line)


def compete(
    modules: Mapping[str, str],
    case: Mapping[str, Any],
    *,
    rounds: int,
    turn_seconds: float,
) -> dict[str, Any]:
    """Lets contestants take turns at a case.

    Args:
      modules: module of each contestant by its name; the first one is ours.
      case: what they compute.
      rounds: turns of each.
      turn_seconds: about how long a turn is.

    Returns:
      For each contestant: its facts, milliseconds a step (median, lowest, and by
      processor time) and, but for the first, `ratio`, its time over that of the first.
    """
    running: dict[str, Contestant] = {}
    report: dict[str, Any] = {}
    try:
        for name, module in modules.items():
            contestant = Contestant(module, case)
            report[name] = dict(contestant.facts)
            if "missing" in contestant.facts:
                contestant.close()
                print(f"{name} is left out: {contestant.facts['missing']}", flush=True)
                continue
            running[name] = contestant
        steps = {}
        for name, contestant in running.items():
            contestant.turn(SETTLING_STEPS)
            once = contestant.turn(1).seconds
            steps[name] = max(1, round(turn_seconds / once))
        turns: dict[str, list[Turn]] = {name: [] for name in running}
        for number in range(rounds):
            # Back and forth: nobody always follows the same one.
            order = list(running)[:: 1 if number % 2 == 0 else -1]
            for name in order:
                turns[name].append(running[name].turn(steps[name]))
    finally:
        for contestant in running.values():
            contestant.close()
    ours = next(iter(turns.values()))
    for name, taken in turns.items():
        report[name] |= _figures(taken)
        if taken is not ours:
            report[name]["ratio"] = _ratio(taken, ours, "seconds")
            report[name]["ratio_processor"] = _ratio(taken, ours, "processor_seconds")
    return report


def _figures(turns: list[Turn]) -> dict[str, float]:
    """Milliseconds a step."""
    clock = [1e3 * turn.seconds for turn in turns]
    processor = [1e3 * turn.processor_seconds for turn in turns]
    return {
        "milliseconds": round(statistics.median(clock), 2),
        "milliseconds_lowest": round(min(clock), 2),
        "milliseconds_processor": round(statistics.median(processor), 2),
    }


def _ratio(turns: list[Turn], ours: list[Turn], kind: str) -> float:
    """Median over rounds of a contestant's time over ours."""
    pairs = zip(turns, ours, strict=True)
    return round(
        statistics.median(getattr(a, kind) / getattr(b, kind) for a, b in pairs), 3
    )

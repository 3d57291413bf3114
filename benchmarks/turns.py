"""The command line of the benchmarks whose contestants take turns at cases."""

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.cases import Case
from benchmarks.machine import describe, write_report

Measure = Callable[..., dict[str, Any]]
"""(case, rounds=, turn_seconds=) → figures of each contestant."""


def run_cases(
    description: str | None,
    presets: Mapping[str, Sequence[Case]],
    measure: Measure,
    *,
    turn_seconds: float,
) -> None:
    """Measures the cases that the command line names; prints and writes JSON.

    Args:
      description: of the command, for its help.
      presets: cases by name.
      measure: what is done with each.
      turn_seconds: by default.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=sorted(presets), default="cpu")
    parser.add_argument("--only", default="", help="cases whose name has this pattern")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each")
    parser.add_argument("--turn_seconds", type=float, default=turn_seconds)
    parser.add_argument("--json", help="file to write besides")
    arguments = parser.parse_args()
    report: dict[str, Any] = {"machine": describe(), "cases": {}}
    for case in presets[arguments.preset]:
        if not re.search(arguments.only, case.name):
            continue
        found = measure(
            case, rounds=arguments.rounds, turn_seconds=arguments.turn_seconds
        )
        report["cases"][case.name] = found
        print(json.dumps({case.name: found}, indent=1), flush=True)
    write_report(report, arguments.json)

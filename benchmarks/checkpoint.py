"""What saving while training costs; prints JSON.

python -m benchmarks.checkpoint --preset=cpu --json=checkpoint.json

A run of steps that each take about 100 ms is timed with and without a save after every
hundredth step, in turns in one process: each round has two stretches of 100 steps, and
which of them begins with a save changes from round to round. The save is the training's
own (`CheckpointStore`): arrays are copied, the rest is written in the background while
the steps go on. `cost` is the median, over rounds, of the time of the stretch with a save
over that without, less 1; `lost_seconds` that of their difference.

With `--spare_cores=1` a CPU trains on all its cores but one and saves on that one: as next
to an accelerator, which does not train on the cores of its host.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import statistics
import tempfile
import time
from collections.abc import Collection, Iterator
from typing import Any

from benchmarks.contestants.ours import Training  # isort: skip  # Sets the environment.
from benchmarks.cases import PRESETS, Case
from benchmarks.machine import describe, write_report
from transformer_lm.checkpoint import CheckpointStore

SAVE_EVERY = 100
STEP_SECONDS = 0.1


@contextlib.contextmanager
def on_cores(cores: Collection[int] | None) -> Iterator[None]:
    """Threads that are made inside may run on these cores; None: as they are."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def with_steps_of(case: Case, seconds: float) -> tuple[Training, int]:
    """Changes the rows of a case until a step takes about so long."""
    training = Training(case)
    training.run(3)
    start = time.perf_counter()
    training.run(5)
    once = (time.perf_counter() - start) / 5
    rows = max(1, round(case.rows * seconds / once))
    return Training(dataclasses.replace(case, rows=rows)), rows


def stretch(
    training: Training,
    store: CheckpointStore | None,
    number: int,
    cores: Collection[int] | None,
) -> float:
    """Does `SAVE_EVERY` steps, after the start of a save where a store is given."""
    start = time.perf_counter()
    if store is not None:
        with on_cores(cores):
            store.save(number, training.state, b"", {}, {})
    training.run(SAVE_EVERY)
    return time.perf_counter() - start


def measure(case: Case, rounds: int, cores: Collection[int] | None) -> dict[str, Any]:
    """Times both kinds of stretches in turns; saves run on `cores`, if given."""
    training, rows = with_steps_of(case, STEP_SECONDS)
    training.run(3)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        with on_cores(cores):
            store = CheckpointStore(folder)
            store.save(0, training.state, b"", {}, {})
            store.wait()
        for number in range(rounds):
            for saves in (number % 2 == 0, number % 2 == 1):
                taken = stretch(training, store if saves else None, number + 1, cores)
                seconds[saves].append(taken)
                store.wait()
        store.close()
    pairs = list(zip(seconds[True], seconds[False], strict=True))
    return {
        "rows": rows,
        "step_milliseconds": round(
            1e3 * statistics.median(seconds[False]) / SAVE_EVERY
        ),
        "with_save_seconds": [round(taken, 3) for taken in seconds[True]],
        "without_seconds": [round(taken, 3) for taken in seconds[False]],
        "lost_seconds": round(statistics.median(a - b for a, b in pairs), 3),
        "cost": round(statistics.median(a / b for a, b in pairs) - 1, 4),
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--spare_cores", type=int, default=0)
    parser.add_argument("--json", help="file to write besides")
    arguments = parser.parse_args()
    spare = None
    if arguments.spare_cores:
        cores = sorted(os.sched_getaffinity(0))
        if not 0 < arguments.spare_cores < len(cores):
            parser.error(f"--spare_cores: 1 to {len(cores) - 1} of {len(cores)} cores")
        spare = cores[-arguments.spare_cores :]
        # JAX has not begun: its threads will stay on the cores they are made on.
        os.sched_setaffinity(0, cores[: -arguments.spare_cores])
    case = PRESETS[arguments.preset][0]
    report = {"machine": describe(), case.name: measure(case, arguments.rounds, spare)}
    print(json.dumps(report, indent=1))
    write_report(report, arguments.json)


if __name__ == "__main__":
    main()
